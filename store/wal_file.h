/* The write-ahead log's octets, gathered. SQLite writes each frame of its log in two pieces, a system call each, and a
 * message alone makes forty of them. Through this layer (SQLite's own: a VFS, https://sqlite.org/vfs.html, around the
 * one that it comes with) pieces that follow each other are written together, at the latest when the log is synced.
 * Nothing else is changed: with synchronous=FULL SQLite syncs the log before it tells any connection of a commit, so
 * nobody looks for octets that are not in the file yet. Private to store/; a connection with it needs synchronous=FULL.
 */
#ifndef SENDOFF_STORE_WAL_FILE_H
#define SENDOFF_STORE_WAL_FILE_H

#define WAL_FILE_VFS "sendoff"

/* Makes the layer known to SQLite under that name; once is enough, and again does no harm. Any thread. A SQLite code.
 */
int wal_file_register(void);

#endif

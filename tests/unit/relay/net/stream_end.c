/* How a stream comes to its end, and what its owner hears until then: closed at any moment, by a peer that resets, by
 * one that neither reads nor closes. */
#include "tests/unit/stream_rig.h"

static void a_connection_from_end_to_end(void **state) {
  (void)state;
  struct stream_rig r = {0};
  struct end client = {0}, server = {0};
  char text[IP_TEXT];
  rig_open(&r);
  rig_pair(&r, &client, &server);
  assert_int_equal(server.events[STREAM_CONNECTED], 0); /* that is for outgoing ones */
  ip_format(stream_peer(server.stream), text);
  assert_string_equal(text, "127.0.0.2");
  ip_format(stream_local(client.stream), text);
  assert_string_equal(text, "127.0.0.2");
  ip_format(stream_peer(client.stream), text);
  assert_string_equal(text, "127.0.0.1");
  assert_int_equal(((const struct sockaddr_in *)stream_peer(client.stream))->sin_port, r.at.sin_port);
  assert_false(stream_is_tls(client.stream));
  assert_string_equal(stream_tls_text(client.stream), "");

  assert_int_equal(stream_write(server.stream, BYTES("220 hello\r\n")), OK);
  assert_int_equal(stream_write(server.stream, BYTES("250-more\r\n")), OK);
  assert_int_equal(stream_write(client.stream, BYTES("EHLO there\r\n")), OK);
  assert_int_equal(server.events[STREAM_DRAINED], 0); /* never within stream_write */
  loop_lab_until(&r.on, client.got.len == 21 && server.got.len == 12);
  assert_true(got_is(&client, "220 hello\r\n250-more\r\n"));
  assert_true(got_is(&server, "EHLO there\r\n"));
  assert_int_equal(client.reads, 1); /* what is written in one turn leaves together */
  assert_int_equal(server.events[STREAM_DRAINED], 1);
  assert_int_equal(stream_pending(server.stream), 0);

  stream_close(client.stream, true);
  loop_lab_until(&r.on, server.events[STREAM_END]);
  assert_int_equal(stream_write(server.stream, BYTES("221 still\r\n")), OK); /* half a connection is one */
  stream_close(server.stream, true);
  loop_lab_until(&r.on, client.closes && server.closes);
  assert_int_equal(server.events[STREAM_END], 1);
  assert_int_equal(server.events[STREAM_FAILED] + client.events[STREAM_FAILED], 0);
  end_free(&client);
  end_free(&server);
  rig_close(&r);
}

static void a_source_that_is_not_ours(void **state) {
  (void)state;
  struct stream_rig r = {0};
  struct end e = {0};
  struct sockaddr_in from;
  struct reason why = {0};
  rig_open(&r);
  assert_int_equal(uv_ip4_addr("192.0.2.1", 0, &from), 0);
  e.stream = (struct stream *)&e;
  assert_int_equal(
      stream_connect(&r.on.loop, (struct sockaddr *)&from, (struct sockaddr *)&r.at, &end_calls, &e, &e.stream, &why),
      E_NOT_FOUND);
  assert_null(e.stream);
  assert_string_equal(why.text, "source 192.0.2.1 is not an address of this machine");
  loop_lab_for(&r.on, 20);
  assert_int_equal(e.closes, 0); /* not a stream of ours: no callback */
  rig_close(&r);
}

static void closed_while_it_connects(void **state) {
  (void)state;
  for (int flush = 0; flush < 2; flush++) {
    struct stream_rig r = {0};
    struct end client = {0};
    rig_open(&r);
    rig_connect_to(&r, &client, &r.at);
    client.quiet = true;
    stream_close(client.stream, flush);
    loop_lab_until(&r.on, client.closes);
    end_free(&client);
    rig_close(&r);
  }
}

/* Goes on behind the `total` octets that were written before. */
static size_t write_until_full(struct end *e, size_t total) {
  static char piece[16 * 1024];
  int rc;
  do {
    fill_pattern(piece, sizeof piece, total);
    rc = stream_write(e->stream, (struct bytes){piece, sizeof piece});
    if (rc == OK) total += sizeof piece;
    assert_true(stream_pending(e->stream) <= STREAM_PENDING_MAX);
  } while (rc == OK);
  assert_int_equal(rc, E_TOO_BIG);
  return total;
}

/* Until the kernel takes no more, either. */
static size_t write_until_stuck(struct stream_rig *r, struct end *e) {
  size_t total = 0;
  do {
    total = write_until_full(e, total);
    loop_lab_for(&r->on, 20);
  } while (stream_pending(e->stream) < STREAM_PENDING_MAX / 2);
  return total;
}

static void paused_and_resumed(void **state) {
  (void)state;
  struct stream_rig r = {0};
  struct end server = {0};
  rig_open(&r);
  int fd = rig_raw_peer(&r, &server, 0);
  stream_pause(server.stream);
  assert_false(stream_has_input(server.stream));
  assert_int_equal(send(fd, "one", 3, 0), 3);
  loop_lab_for(&r.on, 20);
  assert_true(stream_has_input(server.stream));
  assert_int_equal(server.reads, 0);
  assert_int_equal(stream_write(server.stream, BYTES("reply")), OK); /* writing goes on, and does not undo the pause */
  loop_lab_until(&r.on, server.events[STREAM_DRAINED]);
  assert_int_equal(server.reads, 0);
  stream_resume(server.stream);
  assert_int_equal(server.reads, 0); /* never within stream_resume */
  loop_lab_until(&r.on, server.got.len == 3);
  assert_true(got_is(&server, "one"));
  stream_pause(server.stream);
  assert_int_equal(send(fd, "two", 3, 0), 3);
  shutdown(fd, SHUT_WR);
  loop_lab_for(&r.on, 20);
  assert_int_equal(server.events[STREAM_END], 0); /* the end waits like what is before it */
  stream_resume(server.stream);
  stream_pause(server.stream); /* before the turn: stays paused */
  loop_lab_for(&r.on, 20);
  assert_int_equal(server.reads, 1);
  stream_resume(server.stream);
  loop_lab_until(&r.on, server.events[STREAM_END]);
  assert_true(got_is(&server, "onetwo"));
  close(fd);
  end_close(&r, &server);
  rig_close(&r);
}

static void timeouts(void **state) {
  (void)state;
  struct stream_rig r = {0};
  struct end server = {0};
  rig_open(&r);
  int fd = rig_raw_peer(&r, &server, 0);
  stream_set_timeout(server.stream, 10);
  loop_lab_until(&r.on, server.timeouts);
  loop_lab_for(&r.on, 40);
  assert_int_equal(server.timeouts, 1); /* once */
  stream_set_timeout(server.stream, 10);
  stream_set_timeout(server.stream, 0);
  loop_lab_for(&r.on, 40);
  assert_int_equal(server.timeouts, 1);
  stream_set_timeout(server.stream, 10);
  stream_set_timeout(server.stream, 60000); /* the later replaces the earlier */
  loop_lab_for(&r.on, 40);
  assert_int_equal(server.timeouts, 1);
  stream_set_timeout(server.stream, 10);
  server.quiet = true;
  stream_close(server.stream, false);
  loop_lab_until(&r.on, server.closes);
  close(fd);
  end_free(&server);
  rig_close(&r);
}

static void closing_at_once_sends_nothing(void **state) {
  (void)state;
  struct stream_rig r = {0};
  struct end server = {0};
  char octet;
  rig_open(&r);
  int fd = rig_raw_peer(&r, &server, 0);
  assert_int_equal(stream_write(server.stream, BYTES("never seen")), OK);
  stream_close(server.stream, true);
  stream_close(server.stream, false); /* overrides the flush */
  server.quiet = true;
  loop_lab_until(&r.on, server.closes);
  assert_true(recv(fd, &octet, 1, 0) <= 0);
  close(fd);
  end_free(&server);
  rig_close(&r);
}

/* A peer that neither reads nor closes. */
static void closing_is_bounded(void **state) {
  (void)state;
  struct stream_rig r = {0};
  struct end deaf = {0}, silent = {0};
  rig_open(&r);
  int deaf_fd = rig_raw_peer(&r, &deaf, 4096), silent_fd = rig_raw_peer(&r, &silent, 0);
  write_until_stuck(&r, &deaf);
  assert_int_equal(stream_write(silent.stream, BYTES("221 bye\r\n")), OK);
  deaf.quiet = silent.quiet = true;
  uint64_t start = uv_hrtime();
  stream_close(deaf.stream, true);
  stream_close(silent.stream, true);
  stream_set_timeout(deaf.stream, 0); /* the owner's timeouts are over */
  stream_set_timeout(silent.stream, 60000);
  loop_lab_until(&r.on, silent.closes);
  assert_true(uv_hrtime() - start > UINT64_C(900000000) && uv_hrtime() - start < UINT64_C(4000000000));
  assert_int_equal(deaf.closes, 0);
  loop_lab_until(&r.on, deaf.closes);
  assert_true(uv_hrtime() - start > UINT64_C(4900000000) && uv_hrtime() - start < UINT64_C(9000000000));
  close(deaf_fd);
  close(silent_fd);
  end_free(&deaf);
  end_free(&silent);
  rig_close(&r);
}

static void the_peer_resets(void **state) {
  (void)state;
  struct stream_rig r = {0};
  struct end server = {0};
  rig_open(&r);
  int fd = rig_raw_peer(&r, &server, 0);
  stream_set_timeout(server.stream, 30);
  reset_peer(fd);
  loop_lab_until(&r.on, server.events[STREAM_FAILED]);
  assert_string_equal(stream_error(server.stream), "connection reset by peer");
  assert_int_equal(stream_write(server.stream, BYTES("x")), E_IO);
  assert_false(stream_has_input(server.stream));
  loop_lab_for(&r.on, 60); /* nothing more comes, nor does the timeout */
  assert_int_equal(server.events[STREAM_FAILED], 1);
  end_close(&r, &server);
  rig_close(&r);
}

static void the_peer_resets_while_we_flush(void **state) {
  (void)state;
  struct stream_rig r = {0};
  struct end server = {0};
  rig_open(&r);
  int fd = rig_raw_peer(&r, &server, 4096);
  write_until_stuck(&r, &server);
  server.quiet = true;
  uint64_t start = uv_hrtime();
  stream_close(server.stream, true);
  loop_lab_for(&r.on, 10);
  reset_peer(fd);
  loop_lab_until(&r.on, server.closes);
  assert_true(uv_hrtime() - start < UINT64_C(3000000000)); /* not only when the time for it is over */
  end_free(&server);
  rig_close(&r);
}

static void closed_within_a_callback(void **state) {
  (void)state;
  struct stream_rig r = {0};
  struct end server = {.reply_closes = true};
  rig_open(&r);
  int fd = rig_raw_peer(&r, &server, 0);
  assert_int_equal(send(fd, "first", 5, 0), 5);
  assert_int_equal(send(fd, "second", 6, 0), 6);
  loop_lab_until(&r.on, server.closes);
  assert_int_equal(server.reads, 1);
  close(fd);
  end_free(&server);
  rig_close(&r);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_connection_from_end_to_end),
      cmocka_unit_test(a_source_that_is_not_ours),
      cmocka_unit_test(closed_while_it_connects),
      cmocka_unit_test(paused_and_resumed),
      cmocka_unit_test(timeouts),
      cmocka_unit_test(closing_at_once_sends_nothing),
      cmocka_unit_test(closing_is_bounded),
      cmocka_unit_test(the_peer_resets),
      cmocka_unit_test(the_peer_resets_while_we_flush),
      cmocka_unit_test(closed_within_a_callback),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "store/sqlite/port.h"

#include <pthread.h>
#include <stdlib.h>

struct store_port {
  void (*wake)(void *arg);
  void *arg;
  pthread_mutex_t lock;
  struct store_op *head, **tail;
};

int store_port_new(struct store *store, void (*wake)(void *arg), void *arg, struct store_port **out) {
  (void)store; /* a port only gets what is posted with it */
  struct store_port *p = *out = calloc(1, sizeof *p);
  if (!p) return E_MEMORY;
  p->wake = wake;
  p->arg = arg;
  p->tail = &p->head;
  pthread_mutex_init(&p->lock, NULL);
  return OK;
}

void store_port_drain(struct store_port *p) {
  pthread_mutex_lock(&p->lock);
  struct store_op *op = p->head;
  p->head = NULL;
  p->tail = &p->head;
  pthread_mutex_unlock(&p->lock);
  while (op) {
    struct store_op *next = op->next;
    op->done(op);
    op = next;
  }
}

void store_port_free(struct store_port **at) {
  struct store_port *p = *at;
  *at = NULL;
  if (!p) return;
  pthread_mutex_destroy(&p->lock);
  free(p);
}

/* The wake-up is inside the lock: once the owner has drained the last operation it may free the port, and then nobody
 * may still be about to call it. */
void port_complete(struct store_op *op) {
  struct store_port *p = op->port;
  if (!p) {
    free(op);
    return;
  }
  op->next = NULL;
  pthread_mutex_lock(&p->lock);
  bool first = !p->head;
  *p->tail = op;
  p->tail = &op->next;
  if (first) p->wake(p->arg);
  pthread_mutex_unlock(&p->lock);
}

/* The C11 threads of librdkafka as POSIX threads, which ThreadSanitizer knows: it does not see
 * thrd_create of the C library, and crashes in the first thread that begins so. Only linked in
 * builds with that sanitizer. */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>

struct start {
  thrd_start_t function;
  void* argument;
};

static void* run(void* memory) {
  const struct start start = *(struct start*)memory;
  free(memory);
  return (void*)(intptr_t)start.function(start.argument);
}

int thrd_create(thrd_t* thread, thrd_start_t function, void* argument) {
  struct start* const start = malloc(sizeof *start);
  if (start == NULL) return thrd_nomem;
  *start = (struct start){function, argument};
  pthread_t made;
  const int failed = pthread_create(&made, NULL, run, start);
  if (failed != 0) {
    free(start);
    return failed == EAGAIN ? thrd_nomem : thrd_error;
  }
  *thread = made;
  return thrd_success;
}

int thrd_join(thrd_t thread, int* result) {
  void* returned = NULL;
  if (pthread_join(thread, &returned) != 0) return thrd_error;
  if (result != NULL) *result = (int)(intptr_t)returned;
  return thrd_success;
}

int thrd_detach(thrd_t thread) { return pthread_detach(thread) == 0 ? thrd_success : thrd_error; }

/* Read by the sanitizer when a program starts. The libraries we use were built without it: what
 * they do among themselves would look like races. */
const char* __tsan_default_options(void);
const char* __tsan_default_options(void) { return "ignore_noninstrumented_modules=1"; }

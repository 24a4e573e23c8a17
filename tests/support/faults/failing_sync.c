// Preloaded into a program, fails every sync of a file while the file named by FAILING_SYNC exists,
// as a disk does that has died. What was written before stays with the kernel, as on a real one:
// whether it reaches the disk is not known.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static int fails(void) {
  const char* const path = getenv("FAILING_SYNC");
  return path != NULL && access(path, F_OK) == 0;
}

int fsync(int file) {
  if (fails()) {
    errno = EIO;
    return -1;
  }
  int (*real)(int) = NULL;
  *(void**)&real = dlsym(RTLD_NEXT, "fsync");
  return real(file);
}

int fdatasync(int file) {
  if (fails()) {
    errno = EIO;
    return -1;
  }
  int (*real)(int) = NULL;
  *(void**)&real = dlsym(RTLD_NEXT, "fdatasync");
  return real(file);
}

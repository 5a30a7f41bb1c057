/* Makes a disk of a folder slow, for one process: each call that a share would have to answer takes
 * SLOW_DISK_US microseconds where its path begins with SLOW_DISK, and is counted.
 *
 *     cc -shared -fPIC -o slow_disk.so slow_disk.c -ldl
 *     SLOW_DISK=/folder SLOW_DISK_US=2000 LD_PRELOAD=./slow_disk.so python …
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static atomic_long calls;

long slow_disk_calls(void) { return calls; }

static void take_time(const char *path) {
  const char *folder = getenv("SLOW_DISK");
  const char *us = getenv("SLOW_DISK_US");
  if (!folder || !us || !path || strncmp(path, folder, strlen(folder))) return;
  atomic_fetch_add(&calls, 1);
  struct timespec pause = {0, atol(us) * 1000};
  nanosleep(&pause, NULL);
}

#define OWN(name) __typeof__(&name) own = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

#define OPEN(name)                                   \
  int name(const char *path, int flags, ...) {       \
    OWN(name);                                       \
    va_list rest;                                    \
    va_start(rest, flags);                           \
    mode_t mode = va_arg(rest, mode_t);              \
    va_end(rest);                                    \
    take_time(path);                                 \
    return own(path, flags, mode);                   \
  }
OPEN(open)
OPEN(open64)

#define STAT(name, kind)                             \
  int name(const char *path, struct kind *status) {  \
    OWN(name);                                       \
    take_time(path);                                 \
    return own(path, status);                        \
  }
STAT(stat, stat)
STAT(lstat, stat)
STAT(stat64, stat64)
STAT(lstat64, stat64)

#define STATAT(name, kind)                                                \
  int name(int folder, const char *path, struct kind *status, int flags) {\
    OWN(name);                                                            \
    take_time(path);                                                      \
    return own(folder, path, status, flags);                              \
  }
STATAT(fstatat, stat)
STATAT(fstatat64, stat64)

DIR *opendir(const char *path) {
  OWN(opendir);
  take_time(path);
  return own(path);
}

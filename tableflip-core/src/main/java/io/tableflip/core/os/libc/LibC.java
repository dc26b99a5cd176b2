package io.tableflip.core.os.libc;

import jnr.ffi.Pointer;
import jnr.ffi.annotations.In;
import jnr.ffi.annotations.Out;

/** The functions of the C library. */
public interface LibC {
    int pipe2(@Out int[] fds, int flags);

    int fcntl(int fd, int command, int argument);

    int close(int fd);

    int ioctl(int fd, long request, @Out int[] argument);

    int memfd_create(@In byte[] name, int flags);

    long pread(int fd, @Out byte[] buffer, long count, long offset);

    int open(@In byte[] path, int flags, int mode);

    long read(int fd, @Out byte[] buffer, long count);

    long write(int fd, Pointer buffer, long count);

    int poll(Pointer fds, long count, int timeout);

    int socket(int domain, int type, int protocol);

    long sendto(int fd, @In byte[] message, long length, int flags, Pointer address, int addressLength);

    int socketpair(int domain, int type, int protocol, @Out int[] fds);

    long sendmsg(int fd, Pointer header, int flags);

    long recvmsg(int fd, Pointer header, int flags);

    int shutdown(int fd, int how);

    int waitpid(int pid, @Out int[] status, int options);

    int waitid(int type, int id, Pointer info, int options);

    int kill(int pid, int signal);

    int sched_getscheduler(int thread);

    int sched_setscheduler(int thread, int policy, Pointer parameters);

    int sigemptyset(Pointer set);

    int posix_spawn(@Out int[] pid, @In byte[] path, Pointer actions, Pointer attributes, Pointer argv, Pointer envp);

    int posix_spawn_file_actions_init(Pointer actions);

    int posix_spawn_file_actions_destroy(Pointer actions);

    int posix_spawn_file_actions_adddup2(Pointer actions, int fd, int as);

    int posix_spawn_file_actions_addclose(Pointer actions, int fd);

    int posix_spawn_file_actions_addclosefrom_np(Pointer actions, int from);

    int posix_spawn_file_actions_addchdir_np(Pointer actions, @In byte[] path);

    int posix_spawnattr_init(Pointer attributes);

    int posix_spawnattr_destroy(Pointer attributes);

    int posix_spawnattr_setsigmask(Pointer attributes, Pointer set);

    int posix_spawnattr_setflags(Pointer attributes, short flags);
}

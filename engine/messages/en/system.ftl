# Why the system, or what stands in the place of a file, refused something: after a colon, or after the file's name.

denied = Permission denied
not-permitted = Operation not permitted
missing = No such file or directory
exists = File exists
no-folder = Not a directory
is-folder = Is a directory
no-space = No space left on device
quota = Disk quota exceeded
read-only = Read-only file system
broken = Input/output error
open-files = Too many open files
long-name = File name too long
links = Too many levels of symbolic links
busy = Device or resource busy
too-slow = Connection timed out
is-pipe = is a pipe, not a file
is-a-folder = is a folder, not a file
is-socket = is a socket, not a file
is-device = is a device, not a file
is-no-file = is not a file
too-large = has { NUMBER($bytes) } bytes, more than the { NUMBER($most) } it may have
grew = has more than { NUMBER($most) } bytes
unreadable = can't be read ({ $reason })

#pragma once

/// Memory requests of this thread since its start, or -1 where they are not counted (under a sanitizer, which has a heap of
/// its own). Linking this library replaces `malloc` and its kin in the whole process by ones that count.
long allocation_count(void);

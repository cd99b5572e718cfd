//! Rank 0: things that know nothing of caches.

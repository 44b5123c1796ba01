//! The threads that inference takes.

use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rten::ThreadPool;

/// How many threads one run of a network takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThreadShare {
    /// All of them: a large network is done sooner.
    All,
    /// One. The layers of a small network are done before a second thread has begun: with two, a run takes as long and a fifth
    /// more processor time.
    One,
}

/// The threads that inference may take. All networks share them.
pub struct InferenceThreads {
    all: Arc<ThreadPool>,
    /// Threads by themselves that nobody uses now. There are as many as small networks have ever run at once.
    free: Mutex<Vec<Arc<ThreadPool>>>,
}

impl InferenceThreads {
    /// `count` limits the threads of one run; how many runs there are at once is the caller's to limit.
    #[must_use]
    pub fn new(count: usize) -> Arc<Self> {
        let all = Arc::new(ThreadPool::with_num_threads(count.max(1)));
        Arc::new(Self { all, free: Mutex::new(Vec::new()) })
    }

    /// Lends the threads for one run.
    pub(super) fn lend(&self, share: ThreadShare) -> LentThreads<'_> {
        let pool = match share {
            ThreadShare::All => self.all.clone(),
            ThreadShare::One => {
                let free = self.lock_free().pop();
                free.unwrap_or_else(|| Arc::new(ThreadPool::with_num_threads(1)))
            }
        };
        LentThreads { lender: self, share, pool }
    }

    fn lock_free(&self) -> MutexGuard<'_, Vec<Arc<ThreadPool>>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Threads for one run, which go back when it ends.
pub(super) struct LentThreads<'a> {
    lender: &'a InferenceThreads,
    share: ThreadShare,
    pool: Arc<ThreadPool>,
}

impl Deref for LentThreads<'_> {
    type Target = Arc<ThreadPool>;

    fn deref(&self) -> &Self::Target {
        &self.pool
    }
}

impl Drop for LentThreads<'_> {
    fn drop(&mut self) {
        if self.share == ThreadShare::One {
            self.lender.lock_free().push(self.pool.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_threads_are_used_again_and_never_twice_at_once() {
        let threads = InferenceThreads::new(2);
        let first = threads.lend(ThreadShare::One).pool.clone();
        let again = threads.lend(ThreadShare::One);
        assert!(Arc::ptr_eq(&first, &again), "it was free");
        let beside = threads.lend(ThreadShare::One);
        assert!(!Arc::ptr_eq(&again, &beside));
        drop((again, beside));
        assert_eq!(threads.lock_free().len(), 2);
        assert!(Arc::ptr_eq(&threads.lend(ThreadShare::All), &threads.all));
        assert_eq!(threads.lock_free().len(), 2, "the threads of all are not lent as one");
    }
}

//! The threads that inference takes.

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
    /// Pools of one thread that no run uses now. There are as many of them as runs that took one thread at the same time.
    free: Mutex<Vec<Arc<ThreadPool>>>,
}

impl InferenceThreads {
    /// `count` limits the threads of one run; how many runs there are at once is the caller's to limit.
    #[must_use]
    pub fn new(count: usize) -> Arc<Self> {
        let all = Arc::new(ThreadPool::with_num_threads(count.max(1)));
        Arc::new(Self { all, free: Mutex::new(Vec::new()) })
    }

    /// Runs work on all threads, or on one that nothing else uses meanwhile.
    pub(super) fn run_with<T>(&self, share: ThreadShare, work: impl FnOnce(&Arc<ThreadPool>) -> T) -> T {
        if share == ThreadShare::All {
            return work(&self.all);
        }
        let free = self.lock_free().pop();
        let pool = free.unwrap_or_else(|| Arc::new(ThreadPool::with_num_threads(1)));
        let result = work(&pool);
        self.lock_free().push(pool);
        result
    }

    fn lock_free(&self) -> MutexGuard<'_, Vec<Arc<ThreadPool>>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn single_threads_are_used_again_and_never_twice_at_once() {
        let threads = InferenceThreads::new(2);
        let use_one = |work: &dyn Fn(&Arc<ThreadPool>)| threads.run_with(ThreadShare::One, |pool| work(pool));
        use_one(&|first| use_one(&|beside| assert!(!Arc::ptr_eq(first, beside))));
        assert_eq!(threads.lock_free().len(), 2);
        use_one(&|_| use_one(&|_| assert!(threads.lock_free().is_empty(), "both are used again")));
        threads.run_with(ThreadShare::All, |pool| assert!(Arc::ptr_eq(pool, &threads.all)));
        assert_eq!(threads.lock_free().len(), 2, "the threads of all are not kept as one");
    }
}

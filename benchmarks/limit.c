/* The limit: Gray-Scott and its discrete adjoint, written by hand for this one job.

   Rows are padded, so that stores are aligned and a ghost cell on each side closes the
   period. A thread owns whole samples, or, with `share_rows`, its rows of every sample.
   For the gradient the state of step t is kept for good if `every` divides t; between
   two such steps one segment of states is recomputed on the way back. Without a gradient
   `every` is 0. */

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

enum { PAD = 8, MOST_THREADS = 64, SPINS = 2000 };

typedef struct {
  const double *u, *v;  /* [batch, n, n] */
  const double *params; /* Du, Dv, F, k; the time step is 1 */
  long batch, n, steps, every;
  long threads, share_rows;
  double *work; /* as many doubles as `workspace` says */
  atomic_long arrived, round;
} Job;

typedef struct {
  Job *job;
  long index;
  double sums[5]; /* mean(v^2) and its gradient; this thread's part */
  char own_cache_line[64];
} Thread;

typedef struct {
  double *u, *v;
} State;

static long stride(long n) { return (n + 7) / 8 * 8 + 2 * PAD; }

/* Not a multiple of a page: rows of different fields must not share cache sets. */
static long field_size(long n) { return n * stride(n) + 17 * PAD; }
static long state_size(long n) { return 2 * field_size(n); }

/* Kept states, one segment without its first state, and two adjoint states. */
static long num_states(long steps, long every) {
  return every ? steps / every + every + 2 : 2;
}

long workspace(long n, long steps, long every, long threads) {
  return threads * num_states(steps, every) * state_size(n);
}

static State state_at(double *work, long n, long slot) {
  double *u = work + slot * state_size(n) + PAD;
  return (State){u, u + field_size(n)};
}

static void close_period(double *row, long n) {
  row[-1] = row[n - 1];
  row[n] = row[0];
}

static void barrier(Job *job) {
  if (!job->share_rows) return;
  long round = atomic_load(&job->round);
  if (atomic_fetch_add(&job->arrived, 1) == job->threads - 1) {
    atomic_store(&job->arrived, 0);
    atomic_store(&job->round, round + 1);
  }
  for (long spin = 1; atomic_load(&job->round) == round; spin++)
    if (spin % SPINS == 0) sched_yield();
}

static void step(State from, State to, const double *params, long n, long first,
                 long last) {
  const double du = params[0], dv = params[1], feed = params[2];
  const double loss = params[2] + params[3];
  for (long y = first; y < last; y++) {
    const long here = y * stride(n), above = (y ? y - 1 : n - 1) * stride(n),
               below = (y + 1 < n ? y + 1 : 0) * stride(n);
    const double *u = from.u + here, *v = from.v + here;
    const double *ua = from.u + above, *va = from.v + above;
    const double *ub = from.u + below, *vb = from.v + below;
    double *next_u = to.u + here, *next_v = to.v + here;
#pragma GCC ivdep
    for (long x = 0; x < n; x++) {
      const double a = u[x], b = v[x], abb = a * b * b;
      const double lap_u = ua[x] + ub[x] + u[x - 1] + u[x + 1] - 4.0 * a;
      const double lap_v = va[x] + vb[x] + v[x - 1] + v[x + 1] - 4.0 * b;
      next_u[x] = a + du * lap_u - abb + feed * (1.0 - a);
      next_v[x] = b + dv * lap_v + abb - loss * b;
    }
    close_period(next_u, n);
    close_period(next_v, n);
  }
}

/* One step back: `to` = transposed Jacobian at `at` times `from`. The Laplacian is its
   own transpose, so the sums for the diffusivities need no stencil of the state. */
static void back(State at, State from, State to, const double *params, long n,
                 long first, long last, double *sums) {
  const double du = params[0], dv = params[1], feed = params[2];
  const double loss = params[2] + params[3];
  double sum_du = 0.0, sum_dv = 0.0, fed = 0.0, lost = 0.0;
  for (long y = first; y < last; y++) {
    const long here = y * stride(n), above = (y ? y - 1 : n - 1) * stride(n),
               below = (y + 1 < n ? y + 1 : 0) * stride(n);
    const double *u = at.u + here, *v = at.v + here;
    const double *p = from.u + here, *q = from.v + here;
    const double *pa = from.u + above, *qa = from.v + above;
    const double *pb = from.u + below, *qb = from.v + below;
    double *next_p = to.u + here, *next_q = to.v + here;
#pragma GCC ivdep
    for (long x = 0; x < n; x++) {
      const double a = u[x], b = v[x], c = p[x], d = q[x], exchange = b * (d - c);
      const double lap_p = pa[x] + pb[x] + p[x - 1] + p[x + 1] - 4.0 * c;
      const double lap_q = qa[x] + qb[x] + q[x - 1] + q[x + 1] - 4.0 * d;
      sum_du += a * lap_p;
      sum_dv += b * lap_q;
      fed += c * (1.0 - a);
      lost += d * b;
      next_p[x] = c + du * lap_p - feed * c + b * exchange;
      next_q[x] = d + dv * lap_q - loss * d + 2.0 * a * exchange;
    }
    close_period(next_p, n);
    close_period(next_q, n);
  }
  sums[1] += sum_du;
  sums[2] += sum_dv;
  sums[3] += fed - lost;
  sums[4] -= lost;
}

static void load(const Job *job, long sample, State to, long first, long last) {
  const long n = job->n;
  for (long y = first; y < last; y++) {
    const long row = (sample * n + y) * n, here = y * stride(n);
    memcpy(to.u + here, job->u + row, n * sizeof(double));
    memcpy(to.v + here, job->v + row, n * sizeof(double));
    close_period(to.u + here, n);
    close_period(to.v + here, n);
  }
}

/* Adds mean(v^2) to the sums; if `lam` is given, it becomes the loss's gradient. */
static void measure(const Job *job, State at, State *lam, long first, long last,
                    double *sums) {
  const long n = job->n;
  const double weight = 1.0 / (job->batch * n * n);
  for (long y = first; y < last; y++) {
    const long here = y * stride(n);
    double sum = 0.0;
    for (long x = 0; x < n; x++) sum += at.v[here + x] * at.v[here + x];
    sums[0] += weight * sum;
    if (!lam) continue;
    for (long x = -1; x <= n; x++) {
      lam->u[here + x] = 0.0;
      lam->v[here + x] = 2.0 * weight * at.v[here + x];
    }
  }
}

static void forward(Job *job, long sample, double *work, long first, long last,
                    double *sums) {
  const long n = job->n;
  State now = state_at(work, n, 0), next = state_at(work, n, 1);
  load(job, sample, now, first, last);
  for (long t = 0; t < job->steps; t++) {
    barrier(job);
    step(now, next, job->params, n, first, last);
    State other = now;
    now = next;
    next = other;
  }
  measure(job, now, 0, first, last, sums);
  barrier(job);
}

static State state_of(const Job *job, double *work, long t) {
  const long within = t % job->every, kept = job->steps / job->every;
  return state_at(work, job->n, within ? kept + within : t / job->every);
}

static void gradient(Job *job, long sample, double *work, long first, long last,
                     double *sums) {
  const long n = job->n, steps = job->steps, every = job->every;
  const long slots = num_states(steps, every);
  State lam = state_at(work, n, slots - 2), next = state_at(work, n, slots - 1);
  load(job, sample, state_of(job, work, 0), first, last);
  for (long t = 0; t < steps; t++) {
    barrier(job);
    step(state_of(job, work, t), state_of(job, work, t + 1), job->params, n, first,
         last);
  }
  measure(job, state_of(job, work, steps), &lam, first, last, sums);
  const long last_start = (steps - 1) / every * every;
  for (long start = last_start, end = steps; end > 0; end = start, start -= every) {
    for (long t = start; start < last_start && t + 1 < end; t++) {
      barrier(job);
      step(state_of(job, work, t), state_of(job, work, t + 1), job->params, n, first,
           last);
    }
    for (long t = end - 1; t >= start; t--) {
      barrier(job);
      back(state_of(job, work, t), lam, next, job->params, n, first, last, sums);
      State other = lam;
      lam = next;
      next = other;
    }
  }
  barrier(job);
}

static void *run_thread(void *argument) {
  Thread *thread = argument;
  Job *job = thread->job;
  const long shared = job->share_rows, index = thread->index, n = job->n;
  const long first = shared ? index * n / job->threads : 0;
  const long last = shared ? (index + 1) * n / job->threads : n;
  const long area = num_states(job->steps, job->every) * state_size(n);
  double *work = job->work + (shared ? 0 : index * area);
  const long next = shared ? 1 : job->threads;
  for (long sample = shared ? 0 : index; sample < job->batch; sample += next)
    (job->every ? gradient : forward)(job, sample, work, first, last, thread->sums);
  return 0;
}

/* result: mean(v^2) and, unless `every` is 0, its derivatives by Du, Dv, F and k. */
void run(const double *u, const double *v, const double *params, long batch, long n,
         long steps, long every, long threads, long share_rows, double *work,
         double *result) {
  Job job = {u, v, params, batch, n, steps, every, threads, share_rows, work,
             0, 0};
  Thread all[MOST_THREADS] = {0};
  pthread_t handles[MOST_THREADS];
  for (long i = 0; i < threads; i++) all[i].job = &job, all[i].index = i;
  for (long i = 1; i < threads; i++)
    pthread_create(&handles[i], 0, run_thread, &all[i]);
  run_thread(&all[0]);
  for (long i = 1; i < threads; i++) pthread_join(handles[i], 0);
  for (long k = 0; k < 5; k++) {
    result[k] = 0.0;
    for (long i = 0; i < threads; i++) result[k] += all[i].sums[k];
  }
}

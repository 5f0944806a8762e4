/* The loop around the generated functions of a method. It knows no method, allocates nothing and
   does no input or output; iterate.py is the same in Python, line by line.
   @NOTICE@ */
#include "driver.h"

#include <float.h>
#include <string.h>

#ifdef __FAST_MATH__
#error "fast-math breaks the tests for numbers that are not finite"
#endif
#if defined(FLT_EVAL_METHOD) && FLT_EVAL_METHOD != 0
#error "extended precision would change the iterates"
#endif

static int call(bl_run *r, const bl_function *f)
{
  int i;
  for (i = 0; i < f->n_in; ++i) r->arg[i] = f->in[i] < 0 ? r->data[-1 - f->in[i]] : r->memory + f->in[i];
  for (i = 0; i < f->n_out; ++i) r->res[i] = r->memory + f->out[i];
  return f->body(r->arg, r->res, r->iw, r->w, 0);
}

static void copy(bl_run *r, int to, int from, int n)
{
  memcpy(r->memory + to, r->memory + from, (size_t)n * sizeof(bl_real));
}

static int finite(const bl_real *v, int n)
{
  int i;
  for (i = 0; i < n; ++i)
    if (!(v[i] - v[i] == 0)) return 0;
  return 1;
}

static int numbers(const bl_real *v, int n)
{
  int i;
  for (i = 0; i < n; ++i)
    if (v[i] != v[i]) return 0;
  return 1;
}

/* Keep every second row, once the rows are full: a long run has a bounded trace. */
static void record(bl_run *r)
{
  const int n = r->program->n_measures;
  const bl_real *now = r->memory + r->program->state + r->program->n_state;
  long i;
  if (!r->trace || r->iterations % r->trace_stride) return;
  if (r->trace_used == r->trace_rows) {
    for (i = 0; i < r->trace_rows / 2; ++i)
      memcpy(r->trace + i * n, r->trace + (2 * i + 1) * n, (size_t)n * sizeof(bl_real));
    r->trace_used = r->trace_rows / 2;
    r->trace_stride *= 2;
    if (r->iterations % r->trace_stride) return;
  }
  memcpy(r->trace + r->trace_used++ * n, now, (size_t)n * sizeof(bl_real));
}

static bl_status completed(bl_run *r)
{
  static const bl_status found[] = {BL_RUNNING, BL_CONVERGED, BL_STALLED, BL_DIVERGED, BL_INFEASIBLE};
  const bl_program *p = r->program;
  const bl_real *m = r->memory;
  const bl_real signal = m[p->signal];
  bl_status status;
  int i;
  if (!finite(m + p->state, p->n_state)) return BL_NOT_FINITE;
  if (call(r, &p->measures)) return BL_NOT_FINITE;
  copy(r, p->good, p->state, p->n_state + p->n_measures);
  ++r->iterations;
  record(r);
  for (i = 0; i < p->n_tolerances; ++i)
    if (!(m[p->tolerances[2 * i]] <= m[p->tolerances[2 * i + 1]])) break; /* fails for NaN */
  if (signal != 0)
    status = signal >= 1 && signal <= 4 ? found[(int)signal] : BL_STALLED;
  else if (p->n_tolerances && i == p->n_tolerances)
    status = BL_CONVERGED;
  else
    status = (bl_real)r->iterations >= m[p->max_iter] ? BL_ITERATION_LIMIT : BL_RUNNING;
  /* no answer where an objective has no value: its gradient may vanish all the same */
  if (status == BL_CONVERGED && !finite(m + p->state + p->n_state, p->n_measures)) return BL_NOT_FINITE;
  return status;
}

bl_status bl_prepare(bl_run *r)
{
  const bl_program *p = r->program;
  int k;
  for (k = 0; k < p->n_data; ++k)
    if (!numbers(r->data[k], p->data_sizes[k])) return BL_NOT_FINITE;
  if (!numbers(r->memory, p->n_settings)) return BL_NOT_FINITE;
  if (!numbers(r->memory + p->x_start, p->state - p->x_start)) return BL_NOT_FINITE;
  if (p->prepare.body && call(r, &p->prepare)) return BL_NOT_FINITE;
  return p->inhabited < 0 || r->memory[p->inhabited] == 1 ? BL_RUNNING : BL_INFEASIBLE;
}

bl_status bl_start(bl_run *r)
{
  memset(r->memory + r->program->state, 0, (size_t)(r->program->n_state + r->program->n_measures) * sizeof(bl_real));
  return call(r, &r->program->initial) ? BL_NOT_FINITE : BL_RUNNING;
}

bl_status bl_iterate(bl_run *r)
{
  const bl_program *p = r->program;
  const bl_real *phase = r->memory + p->phase;
  bl_status status = r->memory[p->max_iter] > 0 ? BL_RUNNING : BL_ITERATION_LIMIT;
  long in_iteration = 0, until_poll = r->poll_every;
  int i, j;
  r->iterations = r->calls = r->trace_used = 0;
  r->trace_stride = 1;
  for (i = 0; i < p->n_phases; ++i) r->phase_calls[i] = 0;
  if (!finite(r->memory + p->state, p->n_state)) return BL_NOT_FINITE;
  copy(r, p->good, p->state, p->n_state + p->n_measures);
  while (status == BL_RUNNING) {
    if (!(*phase >= 0 && *phase < p->n_phases)) {
      status = *phase == *phase ? BL_STALLED : BL_NOT_FINITE;
      break;
    }
    if (in_iteration++ >= r->max_phase_calls) {
      status = BL_STALLED;
      break;
    }
    j = (int)*phase;
    ++r->phase_calls[j];
    ++r->calls;
    if (call(r, &p->phases[j])) {
      status = BL_NOT_FINITE;
      break;
    }
    for (i = 0; i < p->phases[j].n_runs; ++i) {
      const int *run = p->phases[j].runs + 2 * i;
      copy(r, run[0], run[0] - p->state + p->scratch, run[1]);
    }
    if (*phase == 0) {
      status = completed(r);
      in_iteration = 0;
    }
    if (r->poll && status == BL_RUNNING && --until_poll <= 0) {
      until_poll = r->poll(r->user, r->iterations, r->calls, r->memory + p->state + p->n_state);
      if (until_poll <= 0) status = until_poll == 0 ? BL_TIME_LIMIT : BL_INTERRUPTED;
    }
  }
  copy(r, p->state, p->good, p->n_state + p->n_measures);
  return status;
}

bl_status bl_results(bl_run *r)
{
  if (!r->program->results.body) return BL_RUNNING;
  return call(r, &r->program->results) ? BL_NOT_FINITE : BL_RUNNING;
}

static bl_real multiply_add(bl_real a, bl_real b, bl_real c) { return a * b + c; }

int bl_arithmetic(void)
{
  const int single = sizeof(bl_real) == sizeof(float);
  const bl_real eps = single ? (bl_real)FLT_EPSILON : (bl_real)DBL_EPSILON;
  volatile bl_real v = 1 + eps, tiny = single ? (bl_real)FLT_MIN : (bl_real)DBL_MIN;
  const bl_real a = v;
  if (multiply_add(a, a, -(1 + 2 * eps)) != 0) return 1;
  if (tiny * (bl_real)0.5 == 0) return 2;
  v = 1;
  return v + eps * (bl_real)0.5 != 1 || v + eps * (bl_real)0.75 == 1 ? 2 : 0;
}

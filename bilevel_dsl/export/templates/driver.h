/* The loop around the generated functions of a method: types and entry points.
   @NOTICE@ */
#ifndef BL_DRIVER_H
#define BL_DRIVER_H

#ifdef __cplusplus
extern "C" {
#endif

typedef @REAL@ bl_real;

/* Why it stopped. The numbers are stable; new ones are only appended. */
typedef enum {
  BL_RUNNING = -1,
@STATUSES@
} bl_status;

/* A generated function, with the offset in memory of every input (-1 - k: data slot k) and
   output, and of the runs (offset, size) that a phase copies from scratch to the state. */
typedef struct {
  int (*body)(const bl_real **arg, bl_real **res, int *iw, bl_real *w, int mem);
  int n_in, n_out, n_runs;
  const int *in, *out, *runs;
} bl_function;

/* A method on a problem; constant. Tolerances are pairs of offsets: measure, setting. */
typedef struct {
  bl_function prepare, initial, measures, results; /* prepare and results may have no body */
  const bl_function *phases;
  const int *data_sizes;
  int n_data, n_settings;
  int n_phases, state, n_state, n_measures, good, scratch; /* offsets and sizes in memory */
  int x, y, n_x, n_y, x_start, phase, signal, max_iter;    /* offsets and sizes of slots */
  int inhabited; /* offset of a prepared number, 1 if every constraint set has a point; -1: none can be empty */
  int n_tolerances;
  const int *tolerances;
} bl_program;

/* Called every `poll_every` phase calls. Returns after how many to be called again, 0 to stop
   with `time_limit`, less to stop with `interrupted`. */
typedef long (*bl_poll)(void *user, long iterations, long calls, const bl_real *measures);

/* Everything a run touches; the caller owns all the memory. */
typedef struct {
  const bl_program *program;
  bl_real *memory;      /* settings, prepared, start, state, measures, good, scratch, results */
  const bl_real **data; /* one per data slot */
  const bl_real **arg;  /* work of the functions */
  bl_real **res;
  int *iw;
  bl_real *w;
  long *phase_calls; /* one per phase */
  long iterations, calls, max_phase_calls;
  bl_real *trace; /* measures of the iterations stride, 2 stride, ...; may be null */
  long trace_rows, trace_used, trace_stride;
  bl_poll poll; /* may be null */
  void *user;
  long poll_every;
} bl_run;

bl_status bl_prepare(bl_run *r); /* the prepared slots; not_finite: NaN in data, settings or start;
                                    infeasible: a constraint set without a point */
bl_status bl_start(bl_run *r);   /* the state, from the start */
bl_status bl_iterate(bl_run *r); /* the loop, from the state as it is */
bl_status bl_results(bl_run *r); /* objectives and reports at the answer */

/* 0: arithmetic is as it must be. 1: the compiler contracts a*b + c; 2: not rounded to nearest,
   or small numbers flushed to zero. Then iterates may differ from those of other builds. */
int bl_arithmetic(void);

#ifdef __cplusplus
}
#endif
#endif

/* A solver of one bilevel problem: its sizes, the names of all it holds, and how it is called.
   The model is `@MODEL@`, the method @METHOD@; README.md tells the rest.
   @NOTICE@ */
#ifndef BL_SOLVER_H
#define BL_SOLVER_H

#include "driver.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Sizes, in numbers. */
enum {
@SIZES@
};

/* Variables: the first entry in `memory`, and how many there are, by columns. */
enum {
@VARIABLES@
};

/* Where the start of each variable lies in `memory`; it is projected onto its constraint set. */
enum {
@STARTS@
};

/* Objectives as written, and reports: first entry in `memory`, how many; see bl_solve. */
enum {
@RESULTS@
};

/* Parameters: the index in `data`, and how many numbers, by columns. */
enum {
@PARAMETERS@
};

/* Settings: the place in `memory`. */
enum {
@SETTINGS@
};

/* What the method measures after every iteration: the place in `memory`. */
enum {
@MEASURES@
};

/* The state of the method, all that an iteration leaves for the next: first entry in `memory`. */
enum {
@STATE@
};

/* All the memory of a solver. It holds no pointer to itself between calls: it may be copied by
   assignment, and any number may be used at once. It can be large: make it static, or allocate it. */
typedef struct {
  bl_real memory[BL_MEMORY];
  bl_real w[BL_W];
  int iw[BL_IW];
  const bl_real *data[BL_DATA]; /* may be exchanged; see bl_set_parameter */
  const bl_real *arg[BL_ARG];
  bl_real *res[BL_RES];
  long phase_calls[BL_PHASES];
  bl_run run; /* poll, user, poll_every, trace, trace_rows and max_phase_calls are yours to set */
} bl_solver;

/* A variable, report or parameter; dimensions: 0 scalar, 1 vector, 2 matrix. `place` is in
   `memory`, or in `data` for parameters, where -1 marks one that sizes of the model depend on. */
typedef struct {
  const char *name;
  int place, dimensions, rows, columns;
} bl_named;

typedef struct {
  const char *name;
  int place;
  bl_real initial, lower, upper; /* accepted from lower to upper */
  int whole;                     /* only whole numbers */
} bl_setting;

extern const bl_named bl_variables[], bl_reports[], bl_parameters[]; /* BL_N_VARIABLES and so on */
extern const bl_setting bl_settings[];

/* Everything as the model says: parameters, settings, start; no poll, no trace. Call it first. */
void bl_init(bl_solver *s);

/* Solve from the start. The answer is in `memory` afterwards; objectives and reports too, evaluated
   whatever the status is. run.iterations and run.calls count what was done. */
bl_status bl_solve(bl_solver *s);

/* Go on from the state as it is, for example after a limit, or with other parameters or settings.
   Max_iter and the counters begin anew. */
bl_status bl_resume(bl_solver *s);

/* Make the present answer the start of the next solve. */
void bl_warm_start(bl_solver *s);

/* Replace the values of a parameter (its index, such as BL_PAR_...), by columns; null: those of the
   model. They are read where they are, in every solve: keep them. Returns 0; -1 if there is no such
   parameter, a value is not a number, or sizes of the model depend on it. */
int bl_set_parameter(bl_solver *s, int parameter, const bl_real *values);

/* Returns 0, or -1 if there is no such setting (BL_SET_...) or it does not accept the value. */
int bl_set_setting(bl_solver *s, int setting, bl_real value);

const char *bl_status_name(bl_status status);

#ifdef __cplusplus
}
#endif
#endif

/* The solver around the driver: initial values, names, and the calls of solver.h.
   @NOTICE@ */
#include "solver.h"

#include <math.h>
#include <string.h>

extern const bl_program bl_the_program;
extern const bl_real *const bl_the_data[];
extern const bl_real bl_the_start[];

/* --- names --------------------------------------------------------------------------------- */

@TABLES@

/* --- calls --------------------------------------------------------------------------------- */

/* Pointers into the solver, made anew in every call. */
static bl_run *bound(bl_solver *s)
{
  s->run.program = &bl_the_program;
  s->run.memory = s->memory;
  s->run.data = s->data;
  s->run.arg = s->arg;
  s->run.res = s->res;
  s->run.iw = s->iw;
  s->run.w = s->w;
  s->run.phase_calls = s->phase_calls;
  return &s->run;
}

void bl_init(bl_solver *s)
{
  const bl_program *p = &bl_the_program;
  int i;
  memset(s, 0, sizeof *s);
  for (i = 0; i < p->n_data; ++i) s->data[i] = bl_the_data[i];
  for (i = 0; i < BL_N_SETTINGS; ++i) s->memory[bl_settings[i].place] = bl_settings[i].initial;
  for (i = 0; i < p->n_x + p->n_y; ++i) s->memory[p->x_start + i] = bl_the_start[i];
  s->run.poll_every = 1000;
  s->run.max_phase_calls = 10000000;
}

static bl_status continued(bl_run *r, bl_status status)
{
  bl_status end;
  if (status == BL_RUNNING) status = bl_iterate(r);
  end = bl_results(r);
  return end == BL_RUNNING ? status : end;
}

bl_status bl_solve(bl_solver *s)
{
  bl_run *r = bound(s);
  bl_status status;
  r->iterations = r->calls = r->trace_used = 0;
  status = bl_prepare(r);
  if (status == BL_RUNNING) status = bl_start(r);
  return continued(r, status);
}

bl_status bl_resume(bl_solver *s)
{
  bl_run *r = bound(s);
  r->iterations = r->calls = r->trace_used = 0;
  return continued(r, bl_prepare(r));
}

void bl_warm_start(bl_solver *s)
{
  const bl_program *p = &bl_the_program;
  int i;
  for (i = 0; i < p->n_x; ++i) s->memory[p->x_start + i] = s->memory[p->x + i];
  for (i = 0; i < p->n_y; ++i) s->memory[p->x_start + p->n_x + i] = s->memory[p->y + i];
}

int bl_set_parameter(bl_solver *s, int parameter, const bl_real *values)
{
  int i, k, n;
  for (k = 0; k < BL_N_PARAMETERS; ++k)
    if (bl_parameters[k].place == parameter) break;
  if (parameter < 0 || k == BL_N_PARAMETERS) return -1;
  n = bl_parameters[k].rows * bl_parameters[k].columns;
  for (i = 0; values && i < n; ++i)
    if (values[i] != values[i]) return -1;
  s->data[parameter] = values ? values : bl_the_data[parameter];
  return 0;
}

int bl_set_setting(bl_solver *s, int setting, bl_real value)
{
  int k;
  for (k = 0; k < BL_N_SETTINGS; ++k) {
    const bl_setting *o = &bl_settings[k];
    if (o->place != setting) continue;
    if (!(value >= o->lower && value <= o->upper)) return -1;
    if (o->whole && floor((double)value) != (double)value) return -1;
    s->memory[setting] = value;
    return 0;
  }
  return -1;
}

const char *bl_status_name(bl_status status)
{
  static const char *const names[] = {
    @STATUS_NAMES@};
  const int n = (int)(sizeof names / sizeof *names);
  return (int)status >= 0 && (int)status < n ? names[(int)status] : "running";
}

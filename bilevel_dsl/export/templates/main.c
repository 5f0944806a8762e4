/* An example: solves the problem and prints the answer.

     ./solver                     with the parameters, settings and start of the model
     ./solver tol=1e-8 NAME=1.5   other settings, other scalar parameters

   @NOTICE@ */
#include "solver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bl_solver solver;         /* static: it can be large for the stack */
static bl_real scalars[BL_DATA]; /* values of parameters have to stay where they are */

/* of entries over sets */
@ENTRIES@

static void print(const bl_named *v, const char *const *names)
{
  const bl_real *m = solver.memory + v->place;
  int i, j;
  if (names) { /* an entry on each line */
    for (i = 0; i < v->rows * v->columns; ++i) printf("%s%s = @FORMAT@\n", v->name, names[i], (double)m[i]);
    return;
  }
  printf("%s = %s", v->name, v->dimensions == 0 ? "" : "[");
  for (i = 0; i < v->rows; ++i) {
    if (v->dimensions == 2) printf("%s[", i ? ", " : "");
    for (j = 0; j < v->columns; ++j)
      printf("%s@FORMAT@", (v->dimensions == 2 ? j : i) ? ", " : "", (double)m[i + j * v->rows]);
    if (v->dimensions == 2) printf("]");
  }
  printf("%s\n", v->dimensions == 0 ? "" : "]");
}

/* NAME=VALUE for a scalar parameter or a setting; a parameter comes first. */
static int assign(const char *text)
{
  const char *equals = strchr(text, '=');
  const size_t n = equals ? (size_t)(equals - text) : 0;
  char *end;
  double value;
  int k;
  if (!n || !equals[1]) return -1;
  value = strtod(equals + 1, &end);
  if (*end) return -1;
  for (k = 0; k < BL_N_PARAMETERS; ++k) {
    const bl_named *p = &bl_parameters[k];
    if (strlen(p->name) != n || strncmp(p->name, text, n)) continue;
    if (p->place < 0 || p->dimensions > 0) return -1;
    scalars[p->place] = (bl_real)value;
    return bl_set_parameter(&solver, p->place, &scalars[p->place]);
  }
  for (k = 0; k < BL_N_SETTINGS; ++k)
    if (strlen(bl_settings[k].name) == n && !strncmp(bl_settings[k].name, text, n))
      return bl_set_setting(&solver, bl_settings[k].place, (bl_real)value);
  return -1;
}

/* What may stand on the command line. */
static void usage(const char *name)
{
  int k;
  printf("usage: %s [NAME=VALUE ...]\nscalar parameters:", name);
  for (k = 0; k < BL_N_PARAMETERS; ++k)
    if (bl_parameters[k].place >= 0 && bl_parameters[k].dimensions == 0) printf(" %s", bl_parameters[k].name);
  printf("\nsettings:");
  for (k = 0; k < BL_N_SETTINGS; ++k) printf(" %s", bl_settings[k].name);
  printf("\n");
}

int main(int argc, char **argv)
{
  /* the exit status of each status: 0 converged, 4 infeasible, 5 diverged, 6 limit, 8 numerical */
  static const int exits[] = {0, 6, 6, 6, 5, 4, 8, 130};
  bl_status status;
  int k;
  if (bl_arithmetic()) fprintf(stderr, "warning: compiled with other rounding than the Makefile asks for\n");
  if (argc > 1 && (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help"))) {
    usage(argv[0]);
    return 0;
  }
  bl_init(&solver);
  for (k = 1; k < argc; ++k)
    if (assign(argv[k])) {
      fprintf(stderr, "%s: `%s` is not NAME=VALUE of a setting or scalar parameter that takes it\n",
              argv[0], argv[k]);
      return 2;
    }
  status = bl_solve(&solver);
  printf("status = %s\n", bl_status_name(status));
  printf("iterations = %ld\ncalls = %ld\n", solver.run.iterations, solver.run.calls);
  if (status == BL_DIVERGED) return exits[(int)status]; /* there is no answer */
  printf("upper = @FORMAT@\nlower = @FORMAT@\n", (double)solver.memory[BL_UPPER], (double)solver.memory[BL_LOWER]);
  for (k = 0; k < BL_N_VARIABLES; ++k) print(&bl_variables[k], names_of_variables[k]);
  for (k = 0; k < BL_N_REPORTS; ++k) print(&bl_reports[k], names_of_reports[k]);
  return exits[(int)status];
}

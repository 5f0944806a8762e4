/* A toll controller: whenever the traffic counters report a new demand, new tolls, from the last answer.
   No memory is allocated; on a controller without a console only the lines with printf go. */
#include "solver.h"

#include <stdio.h>

static tolls_solver controller;
static const tolls_real counted[] = {6, 8, 10, 12, 14}; /* thousand vehicles */

int main(void)
{
  int k, road;
  tolls_init(&controller);
  printf("demand  revenue    tolls\n");
  for (k = 0; k < 5; ++k) {
    tolls_set_parameter(&controller, TOLLS_PAR_demand, &counted[k]);
    if (tolls_solve(&controller) != TOLLS_CONVERGED) {
      fprintf(stderr, "demand %g: not converged\n", (double)counted[k]);
      return 1;
    }
    printf("%6g  %7.3f", (double)counted[k], (double)controller.memory[TOLLS_UPPER]);
    for (road = 0; road < TOLLS_VARSIZE_t; ++road)
      printf("%8.3f", (double)controller.memory[TOLLS_VAR_t + road]);
    printf("\n");
    tolls_warm_start(&controller);
  }
  return 0;
}

#if defined(__STDC_VERSION__) && __STDC_VERSION__ >= 199901L
#define CASADI_RESTRICT restrict
#elif defined(__GNUC__) || defined(_MSC_VER)
#define CASADI_RESTRICT __restrict
#else
#define CASADI_RESTRICT
#endif

/* z += x y, or x' y: each entry adds its terms in order, one after the other, as the plain triple
   loop does, but the innermost loop runs over independent entries */
static void casadi_mtimes_dense(const casadi_real* x, casadi_int nrow_x, casadi_int ncol_x,
    const casadi_real* y, casadi_int ncol_y, casadi_real* z, casadi_int tr) {
  casadi_int i, j, k;
  if (!tr && nrow_x==1) { /* a row times a matrix is that matrix, transposed, times a column */
    const casadi_real *row=x;
    x=y; y=row;
    nrow_x=ncol_x; ncol_x=ncol_y; ncol_y=1;
    tr=1;
  }
  if (tr) {
    for (i=0; i<ncol_y; ++i, y+=nrow_x, z+=ncol_x) {
      const casadi_real *a=x;
      for (j=0; j+3<ncol_x; j+=4, a+=4*nrow_x) {
        const casadi_real *b=a+nrow_x, *c=b+nrow_x, *d=c+nrow_x;
        casadi_real s0=z[j], s1=z[j+1], s2=z[j+2], s3=z[j+3];
        for (k=0; k<nrow_x; ++k) {
          const casadi_real t=y[k];
          s0+=a[k]*t; s1+=b[k]*t; s2+=c[k]*t; s3+=d[k]*t;
        }
        z[j]=s0; z[j+1]=s1; z[j+2]=s2; z[j+3]=s3;
      }
      for (; j<ncol_x; ++j, a+=nrow_x) {
        casadi_real s=z[j];
        for (k=0; k<nrow_x; ++k) s+=a[k]*y[k];
        z[j]=s;
      }
    }
  } else {
    for (i=0; i<ncol_y; ++i, y+=ncol_x, z+=nrow_x) {
      casadi_real *CASADI_RESTRICT zz=z;
      const casadi_real *col=x;
      for (k=0; k+3<ncol_x; k+=4, col+=4*nrow_x) {
        const casadi_real *CASADI_RESTRICT a=col, *CASADI_RESTRICT b=a+nrow_x;
        const casadi_real *CASADI_RESTRICT c=b+nrow_x, *CASADI_RESTRICT d=c+nrow_x;
        const casadi_real t0=y[k], t1=y[k+1], t2=y[k+2], t3=y[k+3];
        for (j=0; j<nrow_x; ++j) {
          casadi_real s=zz[j];
          s+=a[j]*t0; s+=b[j]*t1; s+=c[j]*t2; s+=d[j]*t3;
          zz[j]=s;
        }
      }
      for (; k<ncol_x; ++k, col+=nrow_x) {
        const casadi_real *CASADI_RESTRICT a=col;
        const casadi_real t=y[k];
        for (j=0; j<nrow_x; ++j) zz[j]+=a[j]*t;
      }
    }
  }
}

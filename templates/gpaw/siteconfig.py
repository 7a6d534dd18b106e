# How GPAW is built where there is neither BLAS nor libxc nor MPI: NumPy's own linear algebra, GPAW's own functionals.
# It goes with CC=g++ (GPAW 26.7 is C++) and OMP_NUM_THREADS=1 (more threads do not help plane waves).
noblas = True
nolibxc = True
mpi = False
libraries = []

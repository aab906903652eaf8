// All kernels as one module, which the driver then compiles once.
#include "embed.cu"
#include "heads.cu"
#include "loss.cu"
#include "norm.cu"
#include "softmax.cu"
#include "sums.cu"
#include "swiglu.cu"
#include "update.cu"

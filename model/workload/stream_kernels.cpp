// Kind stream: the four kernels of the STREAM benchmark (McCalpin) over the arrays a, b and c, in
// their loop order, element by element.
#include <array>
#include <cstdint>
#include <memory>

#include "model/workload/generated_stream.h"
#include "model/workload/generators.h"

namespace nestwalk {
namespace {

constexpr std::uint64_t kPageBytes = 4096;

class StreamKernels {
 public:
  static constexpr std::size_t kMaxBurst = 3;

  StreamKernels(StreamKernel kernel, std::uint64_t array_bytes, RegionPlan& plan)
      : array_bytes_(array_bytes),
        a_(plan.add("stream a", array_bytes)),
        b_(plan.add("stream b", array_bytes)),
        c_(plan.add("stream c", array_bytes)),
        does_all_(kernel == StreamKernel::kAll),
        kernel_(does_all_ ? StreamKernel::kCopy : kernel) {}

  void burst(BurstWriter& writer) {
    const std::uint64_t at = offset_;
    switch (kernel_) {
      case StreamKernel::kAll:  // never the current one
      case StreamKernel::kCopy:
        writer.read(a_ + at);
        writer.write(c_ + at);
        break;
      case StreamKernel::kScale:
        writer.read(c_ + at);
        writer.write(b_ + at);
        break;
      case StreamKernel::kAdd:
        writer.read(a_ + at);
        writer.read(b_ + at);
        writer.write(c_ + at);
        break;
      case StreamKernel::kTriad:
        writer.read(b_ + at);
        writer.read(c_ + at);
        writer.write(a_ + at);
        break;
    }
    offset_ += kWordBytes;
    if (offset_ == array_bytes_) {
      offset_ = 0;
      if (does_all_) {
        next_kernel();
      }
    }
  }

 private:
  void next_kernel() {
    kernel_ = kernel_ == StreamKernel::kTriad
                  ? StreamKernel::kCopy
                  : static_cast<StreamKernel>(static_cast<unsigned>(kernel_) + 1);
  }

  std::uint64_t array_bytes_;
  Gva a_;
  Gva b_;
  Gva c_;
  bool does_all_;
  StreamKernel kernel_;
  std::uint64_t offset_ = 0;
};

}  // namespace

std::unique_ptr<Generator> make_stream_kernels(const GeneratorParams& params, Gva base) {
  RegionPlan plan(base);
  const std::uint64_t array_bytes = params.footprint_bytes / 3 / kPageBytes * kPageBytes;
  StreamKernels kernels(params.stream.kernel, array_bytes, plan);
  return std::make_unique<GeneratedStream<StreamKernels>>(params, plan, kernels);
}

}  // namespace nestwalk

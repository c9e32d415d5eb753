#include "model/observe/fst.h"

#ifdef NESTWALK_HAS_FST

#include <gtkwave/fstapi.h>

#include <array>
#include <cstdio>
#include <memory>

namespace nestwalk::fst {

const bool kIsAvailable = true;
const std::string_view kWhatIsMissing;

namespace {

constexpr int kNanoseconds = -9;

using OwnedFile = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;
using OwnedReader = std::unique_ptr<void, void (*)(void*)>;

}  // namespace

void* create(const std::string& path) {
  void* writer = fstWriterCreate(path.c_str(), 1);
  if (writer != nullptr) {
    fstWriterSetPackType(writer, FST_WR_PT_LZ4);
    fstWriterSetTimescale(writer, kNanoseconds);
    fstWriterSetDate(writer, "-");  // equal runs give equal files
    fstWriterSetVersion(writer, "nestwalk; 1 ns stands for one cycle");
  }
  return writer;
}

bool close(void* writer) {
  const bool is_complete = fstWriterGetFseekFailed(writer) == 0;
  fstWriterClose(writer);
  return is_complete;
}

void push_scope(void* writer, const std::string& name) {
  fstWriterSetScope(writer, FST_ST_VCD_MODULE, name.c_str(), nullptr);
}

void pop_scope(void* writer) {
  fstWriterSetUpscope(writer);
}

std::uint32_t add_bits(void* writer, const std::string& name, unsigned width) {
  return fstWriterCreateVar(writer, FST_VT_VCD_WIRE, FST_VD_IMPLICIT, width, name.c_str(), 0);
}

std::uint32_t add_text(void* writer, const std::string& name) {
  return fstWriterCreateVar(writer, FST_VT_GEN_STRING, FST_VD_IMPLICIT, 0, name.c_str(), 0);
}

std::uint32_t add_table(void* writer, const std::string& name, unsigned width,
                        const std::vector<std::string>& labels,
                        const std::vector<std::string>& binary_values) {
  std::vector<const char*> label_pointers;
  std::vector<const char*> value_pointers;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    label_pointers.push_back(labels[i].c_str());
    value_pointers.push_back(binary_values[i].c_str());
  }
  return fstWriterCreateEnumTable(writer, name.c_str(), static_cast<std::uint32_t>(labels.size()),
                                  width, label_pointers.data(), value_pointers.data());
}

void use_table(void* writer, std::uint32_t table) {
  fstWriterEmitEnumTableRef(writer, table);
}

void set_time(void* writer, std::uint64_t time) {
  fstWriterEmitTimeChange(writer, time);
}

void emit_bits(void* writer, std::uint32_t handle, unsigned width, std::uint64_t value) {
  fstWriterEmitValueChange64(writer, handle, width, value);
}

void emit_text(void* writer, std::uint32_t handle, const std::string& text) {
  fstWriterEmitVariableLengthValueChange(writer, handle, text.data(),
                                         static_cast<std::uint32_t>(text.size()));
}

bool to_vcd(const std::string& fst_path, const std::string& vcd_path) {
  const OwnedReader reader(fstReaderOpen(fst_path.c_str()), fstReaderClose);
  const OwnedFile file(std::fopen(vcd_path.c_str(), "w"), std::fclose);
  if (reader == nullptr || file == nullptr) {
    return false;
  }
  const bool has_head = fstReaderProcessHier(reader.get(), file.get()) != 0;
  fstReaderSetFacProcessMaskAll(reader.get());
  const bool has_body = fstReaderIterBlocks(reader.get(), nullptr, nullptr, file.get()) != 0;
  return has_head && has_body && std::fflush(file.get()) == 0 && std::ferror(file.get()) == 0;
}

}  // namespace nestwalk::fst

#else

#include "model/arch/check.h"

namespace nestwalk::fst {

const bool kIsAvailable = false;
const std::string_view kWhatIsMissing =
    "this build cannot write waves: gtkwave/fstapi.c of Verilator's package was missing when it "
    "was configured (./nestwalk setup installs it)";

namespace {
[[noreturn]] void refuse() {
  fatal("nobody calls what is not available");
}
}  // namespace

void* create(const std::string& /*path*/) {
  refuse();
}
bool close(void* /*writer*/) {
  refuse();
}
void push_scope(void* /*writer*/, const std::string& /*name*/) {
  refuse();
}
void pop_scope(void* /*writer*/) {
  refuse();
}
std::uint32_t add_bits(void* /*writer*/, const std::string& /*name*/, unsigned /*width*/) {
  refuse();
}
std::uint32_t add_text(void* /*writer*/, const std::string& /*name*/) {
  refuse();
}
std::uint32_t add_table(void* /*writer*/, const std::string& /*name*/, unsigned /*width*/,
                        const std::vector<std::string>& /*labels*/,
                        const std::vector<std::string>& /*binary_values*/) {
  refuse();
}
void use_table(void* /*writer*/, std::uint32_t /*table*/) {
  refuse();
}
void set_time(void* /*writer*/, std::uint64_t /*time*/) {
  refuse();
}
void emit_bits(void* /*writer*/, std::uint32_t /*handle*/, unsigned /*width*/,
               std::uint64_t /*value*/) {
  refuse();
}
void emit_text(void* /*writer*/, std::uint32_t /*handle*/, const std::string& /*text*/) {
  refuse();
}
bool to_vcd(const std::string& /*fst_path*/, const std::string& /*vcd_path*/) {
  refuse();
}

}  // namespace nestwalk::fst

#endif

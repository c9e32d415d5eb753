// fstapi behind types of ours, for WaveFile alone. Where a build has no fstapi, kIsAvailable is
// false and nothing else may be called.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace nestwalk::fst {

extern const bool kIsAvailable;
extern const std::string_view kWhatIsMissing;

// A writer, or nullptr if the file cannot be made.
[[nodiscard]] void* create(const std::string& path);
// False: not everything could be written.
[[nodiscard]] bool close(void* writer);

void push_scope(void* writer, const std::string& name);
void pop_scope(void* writer);
// Handles of signals.
[[nodiscard]] std::uint32_t add_bits(void* writer, const std::string& name, unsigned width);
[[nodiscard]] std::uint32_t add_text(void* writer, const std::string& name);
// An enumeration; the next signal that is added after use_table() is one of it.
[[nodiscard]] std::uint32_t add_table(void* writer, const std::string& name, unsigned width,
                                      const std::vector<std::string>& labels,
                                      const std::vector<std::string>& binary_values);
void use_table(void* writer, std::uint32_t table);

// Times do not go back.
void set_time(void* writer, std::uint64_t time);
void emit_bits(void* writer, std::uint32_t handle, unsigned width, std::uint64_t value);
void emit_text(void* writer, std::uint32_t handle, const std::string& text);

// The same content as a VCD file. False: one of both files cannot be read or written.
[[nodiscard]] bool to_vcd(const std::string& fst_path, const std::string& vcd_path);

}  // namespace nestwalk::fst

// Reads wave files back: a VCD as text, an FST by fstapi's own reader.
//
//   const WaveContent content = read_waves(folder.file("waves.fst"));
//   content.values("rtl.walker.slot0.position");   // {{cycle, "(4,4)"}, ...}
//
// Values of several bits are given in binary as the file has them.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "model/observe/fst.h"

namespace nestwalk {

struct WaveValue {
  std::uint64_t cycle = 0;
  std::string value;
  friend bool operator==(const WaveValue&, const WaveValue&) = default;
};

class WaveContent {
 public:
  [[nodiscard]] bool has(const std::string& path) const { return codes_.contains(path); }
  [[nodiscard]] const std::vector<WaveValue>& values(const std::string& path) const {
    static const std::vector<WaveValue> kNone;
    const auto code = codes_.find(path);
    EXPECT_NE(code, codes_.end()) << "no signal " << path;
    const auto found = code == codes_.end() ? changes_.end() : changes_.find(code->second);
    return found == changes_.end() ? kNone : found->second;
  }
  // The values alone, as numbers.
  [[nodiscard]] std::vector<std::uint64_t> numbers(const std::string& path) const {
    std::vector<std::uint64_t> numbers;
    for (const WaveValue& value : values(path)) {
      numbers.push_back(std::stoull(value.value, nullptr, 2));
    }
    return numbers;
  }
  [[nodiscard]] std::vector<std::string> texts(const std::string& path) const {
    std::vector<std::string> texts;
    for (const WaveValue& value : values(path)) {
      texts.push_back(value.value);
    }
    return texts;
  }
  [[nodiscard]] std::uint64_t first_cycle() const { return first_cycle_; }
  [[nodiscard]] std::uint64_t last_cycle() const { return last_cycle_; }
  [[nodiscard]] const std::string& head() const { return head_; }

  static WaveContent of_vcd(std::istream& in) {
    WaveContent content;
    std::vector<std::string> scopes;
    std::uint64_t cycle = 0;
    bool is_first = true;
    bool is_body = false;
    for (std::string line; std::getline(in, line);) {
      std::istringstream words(line);
      std::string word;
      words >> word;
      if (!is_body) {
        content.head_ += line + "\n";
      }
      if (word == "$scope") {
        std::string type;
        std::string name;
        words >> type >> name;
        scopes.push_back(name);
      } else if (word == "$upscope") {
        scopes.pop_back();
      } else if (word == "$var") {
        std::string type;
        std::string width;
        std::string code;
        std::string name;
        words >> type >> width >> code >> name;
        std::string path;
        for (const std::string& scope : scopes) {
          path += scope + ".";
        }
        content.codes_[path + name] = code;
      } else if (word == "$enddefinitions") {
        is_body = true;
      } else if (is_body && !word.empty() && word[0] == '#') {
        cycle = std::stoull(word.substr(1));
        content.first_cycle_ = is_first ? cycle : content.first_cycle_;
        content.last_cycle_ = cycle;
        is_first = false;
      } else if (is_body && !word.empty() && (word[0] == 'b' || word[0] == 's')) {
        std::string code;
        words >> code;
        content.changes_[code].push_back({cycle, word.substr(1)});
      } else if (is_body && !word.empty() && word[0] != '$') {
        content.changes_[word.substr(1)].push_back({cycle, word.substr(0, 1)});
      }
    }
    return content;
  }

 private:
  std::map<std::string, std::string> codes_;
  std::map<std::string, std::vector<WaveValue>> changes_;
  std::uint64_t first_cycle_ = 0;
  std::uint64_t last_cycle_ = 0;
  std::string head_;
};

inline WaveContent read_waves(const std::string& path) {
  std::string vcd = path;
  if (path.ends_with(".fst")) {
    vcd = path + ".read.vcd";
    EXPECT_TRUE(fst::to_vcd(path, vcd)) << path << " cannot be read";
  }
  std::ifstream in(vcd);
  EXPECT_TRUE(in) << vcd;
  return WaveContent::of_vcd(in);
}

}  // namespace nestwalk

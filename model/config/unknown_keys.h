// Keys of a document that no descriptor named, and the names they were probably meant to be: a near
// name in the same group, or the same name in another group. Judged when all names are known.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/config/node.h"
#include "model/config/problem.h"

namespace nestwalk {

class UnknownKeys {
 public:
  // Every parameter, group and list that has a descriptor.
  void know(std::string path) { known_paths_.push_back(std::move(path)); }

  // `group` is the path of the group the key stands in, `allowed` the names it could have there.
  void add(const ConfigEntry& entry, std::string group, std::vector<std::string> allowed);

  [[nodiscard]] std::vector<ConfigProblem> problems() const;

 private:
  struct Unknown {
    std::string key;
    ConfigMark mark;
    std::string group;
    std::vector<std::string> allowed;
  };

  [[nodiscard]] std::string suggestion(const Unknown& unknown) const;

  std::vector<std::string> known_paths_;
  std::vector<Unknown> unknown_;
};

}  // namespace nestwalk

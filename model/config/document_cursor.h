// A visitor that walks a document and the descriptors side by side: at each parameter it knows the
// node that was written for it, if any. Base of the classes that read a document; it changes no
// value by itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/config/node.h"
#include "model/params/descriptor.h"

namespace nestwalk {

class DocumentCursor : public ParameterVisitor {
 protected:
  // Where the walk stands: the root, a group, a list or an element of one.
  struct Frame {
    const ConfigNode* node = nullptr;  // null: nothing written, or of the wrong kind
    std::size_t path_length = 0;       // of path_ without this frame
    std::vector<std::string> names;    // visited here so far: the keys allowed
  };

  explicit DocumentCursor(const ConfigNode& root) { frames_.push_back({&root, 0, {}}); }

  void visit_integer(const IntegerParameter&, std::uint64_t&) override {}
  void visit_number(const NumberParameter&, double&) override {}
  void visit_boolean(const BooleanParameter&, bool&) override {}
  void visit_choice(const ChoiceParameter&, std::size_t&) override {}
  void visit_text(const TextParameter&, std::string&) override {}
  void begin_group(const GroupParameter& d) override;
  void end_group() override;
  // A list that is written has the length written; another keeps its own.
  std::size_t begin_list(const ListParameter& d, std::size_t size) override;
  void begin_element(std::size_t index) override;
  void end_element() override;
  void end_list() override;

  // What is written for a parameter of the current frame.
  const ConfigEntry* entry(std::string_view name);
  [[nodiscard]] std::string path_of(std::string_view name) const;
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const Frame& frame() const { return frames_.back(); }

 private:
  void push(std::string_view name, const ConfigNode* node);
  void pop();

  std::vector<Frame> frames_;
  std::string path_;
};

// --set vms.0.x=v without a written list `vms` edits elements of the default list.
[[nodiscard]] bool edits_default_list(const ConfigNode& node);

}  // namespace nestwalk

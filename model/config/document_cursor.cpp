#include "model/config/document_cursor.h"

namespace nestwalk {
namespace {

const ConfigNode* value_of_kind(const ConfigEntry* entry, ConfigNodeKind kind) {
  return entry != nullptr && entry->value.kind == kind ? &entry->value : nullptr;
}

}  // namespace

bool edits_default_list(const ConfigNode& node) {
  return node.kind == ConfigNodeKind::kMapping && node.mark.is_override();
}

void DocumentCursor::begin_group(const GroupParameter& d) {
  push(d.name, value_of_kind(entry(d.name), ConfigNodeKind::kMapping));
}

void DocumentCursor::end_group() {
  pop();
}

std::size_t DocumentCursor::begin_list(const ListParameter& d, std::size_t size) {
  const ConfigEntry* const written = entry(d.name);
  const ConfigNode* const list = value_of_kind(written, ConfigNodeKind::kSequence);
  if (list != nullptr) {
    push(d.name, list);
    return list->items.size();
  }
  const bool edits_default = written != nullptr && edits_default_list(written->value);
  push(d.name, edits_default ? &written->value : nullptr);
  return size;
}

void DocumentCursor::begin_element(std::size_t index) {
  const std::string name = std::to_string(index);
  const ConfigNode* const list = frame().node;
  const ConfigNode* element = nullptr;
  if (list != nullptr && list->kind == ConfigNodeKind::kSequence) {
    const ConfigNode& item = list->items[index];
    element = item.kind == ConfigNodeKind::kMapping ? &item : nullptr;
  } else {
    element = value_of_kind(entry(name), ConfigNodeKind::kMapping);
  }
  push(name, element);
}

void DocumentCursor::end_element() {
  pop();
}

void DocumentCursor::end_list() {
  pop();
}

const ConfigEntry* DocumentCursor::entry(std::string_view name) {
  Frame& current = frames_.back();
  if (current.names.empty() || current.names.back() != name) {
    current.names.emplace_back(name);  // a derived class may have asked before
  }
  return current.node == nullptr ? nullptr : current.node->find(name);
}

std::string DocumentCursor::path_of(std::string_view name) const {
  return path_.empty() ? std::string(name) : path_ + '.' + std::string(name);
}

void DocumentCursor::push(std::string_view name, const ConfigNode* node) {
  frames_.push_back({node, path_.size(), {}});
  path_ = path_of(name);
}

void DocumentCursor::pop() {
  path_.resize(frames_.back().path_length);
  frames_.pop_back();
}

}  // namespace nestwalk

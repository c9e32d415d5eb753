#include "model/observe/statistics.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "model/arch/check.h"
#include "model/observe/statistics_snapshot.h"

namespace nestwalk {

namespace {

bool is_legal_part(std::string_view part) {
  return !part.empty() && std::ranges::all_of(part, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

std::string join(const std::string& prefix, const std::string& part) {
  return prefix.empty() ? part : prefix + '.' + part;
}

// The value of each kind of statistic as it is now.
struct Read {
  StatSnapshot::Value operator()(const std::uint64_t* value) const { return *value; }
  StatSnapshot::Value operator()(const std::function<std::uint64_t()>& value) const {
    return value();
  }
  StatSnapshot::Value operator()(const std::function<Ratio()>& value) const { return value(); }
  StatSnapshot::Value operator()(const Histogram* value) const { return *value; }
  StatSnapshot::Value operator()(const PositionCounts* value) const { return *value; }
};

}  // namespace

StatGroup& StatGroup::group(std::string_view name) {
  const std::size_t dot = name.find('.');
  const std::string_view part = name.substr(0, dot);
  fatal_unless(is_legal_part(part), "a statistics group is named [a-z0-9_]+, dotted");
  Item* item = find(part);
  if (item == nullptr) {
    items_.push_back({std::string(part), std::make_unique<StatGroup>()});
    item = &items_.back();
  }
  auto* child = std::get_if<std::unique_ptr<StatGroup>>(&item->content);
  fatal_unless(child != nullptr, "a name is a statistic or a group, not both");
  return dot == std::string_view::npos ? **child : (*child)->group(name.substr(dot + 1));
}

void StatGroup::counter(std::string_view name, const std::uint64_t* value, std::string_view unit,
                        std::string_view text) {
  add(name, {value, std::string(unit), std::string(text)});
}

void StatGroup::computed(std::string_view name, std::function<std::uint64_t()> value,
                         std::string_view unit, std::string_view text) {
  add(name, {std::move(value), std::string(unit), std::string(text)});
}

void StatGroup::derived(std::string_view name, std::function<Ratio()> value, std::string_view unit,
                        std::string_view text) {
  add(name, {std::move(value), std::string(unit), std::string(text)});
}

void StatGroup::histogram(std::string_view name, const Histogram* value, std::string_view unit,
                          std::string_view text) {
  add(name, {value, std::string(unit), std::string(text)});
}

void StatGroup::positions(std::string_view name, const PositionCounts* value, std::string_view unit,
                          std::string_view text) {
  add(name, {value, std::string(unit), std::string(text)});
}

StatSnapshot StatGroup::snapshot() const {
  StatSnapshot snapshot;
  for_each("", [&](const std::string& name, const Statistic& statistic) {
    snapshot.add({name, statistic.unit, statistic.text}, std::visit(Read{}, statistic.value));
  });
  return snapshot;
}

nlohmann::ordered_json StatGroup::to_json() const {
  return snapshot().to_json();
}

std::string StatGroup::to_text() const {
  return snapshot().to_text();
}

std::vector<StatDescription> StatGroup::list() const {
  std::vector<StatDescription> all;
  for_each("", [&](const std::string& name, const Statistic& statistic) {
    all.push_back({name, statistic.unit, statistic.text});
  });
  return all;
}

StatGroup::Item* StatGroup::find(std::string_view part) {
  const auto it = std::ranges::find(items_, part, &Item::name);
  return it == items_.end() ? nullptr : &*it;
}

void StatGroup::add(std::string_view name, Statistic statistic) {
  const std::size_t dot = name.rfind('.');
  if (dot != std::string_view::npos) {
    group(name.substr(0, dot)).add(name.substr(dot + 1), std::move(statistic));
    return;
  }
  fatal_unless(is_legal_part(name), "a statistic is named [a-z0-9_]+, dotted");
  fatal_unless(find(name) == nullptr, "a statistic is registered once");
  fatal_unless(!statistic.unit.empty() && !statistic.text.empty(),
               "a statistic has a unit and a sentence");
  items_.push_back({std::string(name), std::move(statistic)});
}

template <class Visit>
void StatGroup::for_each(const std::string& prefix, Visit&& visit) const {
  for (const Item& item : items_) {
    const std::string name = join(prefix, item.name);
    if (const auto* statistic = std::get_if<Statistic>(&item.content)) {
      visit(name, *statistic);
    } else {
      std::get<std::unique_ptr<StatGroup>>(item.content)->for_each(name, visit);
    }
  }
}

}  // namespace nestwalk

#include "model/observe/statistics.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "model/arch/check.h"

namespace nestwalk {

namespace {

using Json = nlohmann::ordered_json;

struct Line {
  std::string name;
  std::string value;
  std::string note;
};

bool is_legal_part(std::string_view part) {
  return !part.empty() && std::ranges::all_of(part, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

std::string join(const std::string& prefix, const std::string& part) {
  return prefix.empty() ? part : prefix + '.' + part;
}

std::string number_text(double value) {
  return std::isfinite(value) ? fmt::format("{:.6g}", value) : "-";
}

Json number_json(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

Json histogram_json(const Histogram& histogram) {
  Json buckets = Json::array();
  for (unsigned bucket = 0; bucket < Histogram::kNumBuckets; ++bucket) {
    if (histogram.count_in(bucket) != 0) {
      buckets.push_back({{"from", Histogram::lowest(bucket)},
                         {"to", Histogram::highest(bucket)},
                         {"count", histogram.count_in(bucket)}});
    }
  }
  return {{"count", histogram.count()},
          {"sum", histogram.sum()},
          {"min", histogram.min()},
          {"max", histogram.max()},
          {"mean", number_json(ratio(histogram.sum(), histogram.count()))},
          {"buckets", std::move(buckets)}};
}

// The JSON value of each kind of statistic.
struct ToJson {
  Json operator()(const std::uint64_t* value) const { return *value; }
  Json operator()(const std::function<std::uint64_t()>& value) const { return value(); }
  Json operator()(const std::function<double()>& value) const { return number_json(value()); }
  Json operator()(const Histogram* value) const { return histogram_json(*value); }
  Json operator()(const PositionCounts* value) const { return *value; }
};

// The text lines of each kind of statistic.
struct ToLines {
  std::vector<Line>& lines;
  const std::string& name;
  std::string note;

  void operator()(const std::uint64_t* value) const { add(name, std::to_string(*value)); }
  void operator()(const std::function<std::uint64_t()>& value) const {
    add(name, std::to_string(value()));
  }
  void operator()(const std::function<double()>& value) const { add(name, number_text(value())); }
  void operator()(const Histogram* value) const {
    add(name + ".count", std::to_string(value->count()));
    add(name + ".sum", std::to_string(value->sum()));
    add(name + ".min", std::to_string(value->min()));
    add(name + ".max", std::to_string(value->max()));
    add(name + ".mean", number_text(ratio(value->sum(), value->count())));
    for (unsigned bucket = 0; bucket < Histogram::kNumBuckets; ++bucket) {
      if (value->count_in(bucket) != 0) {
        add(fmt::format("{}.from_{}_to_{}", name, Histogram::lowest(bucket),
                        Histogram::highest(bucket)),
            std::to_string(value->count_in(bucket)));
      }
    }
  }
  void operator()(const PositionCounts* value) const {
    std::uint64_t total = 0;
    // In the order of a walk: from the root down, each guest level's host levels first.
    for (std::size_t g = kMaxLevels + 1; g-- > 0;) {
      for (std::size_t h = kMaxLevels + 1; h-- > 0;) {
        const std::uint64_t count = (*value)[g][h];
        total += count;
        if (count != 0) {
          add(fmt::format("{}.g{}_h{}", name, g, h), std::to_string(count));
        }
      }
    }
    add(name + ".total", std::to_string(total));
  }

 private:
  void add(std::string line_name, std::string value) const {
    lines.push_back({std::move(line_name), std::move(value), note});
  }
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

void StatGroup::derived(std::string_view name, std::function<double()> value, std::string_view unit,
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

Json StatGroup::to_json() const {
  Json descriptions = Json::object();
  for (const StatDescription& stat : list()) {
    descriptions[stat.name] = {{"unit", stat.unit}, {"text", stat.text}};
  }
  Json document;
  document["schema_version"] = kSchemaVersion;
  document["statistics"] = values_to_json();
  document["descriptions"] = std::move(descriptions);
  return document;
}

std::string StatGroup::to_text() const {
  std::vector<Line> lines;
  for_each("", [&](const std::string& name, const Statistic& statistic) {
    std::visit(ToLines{lines, name, fmt::format("{}, {}", statistic.unit, statistic.text)},
               statistic.value);
  });
  std::size_t name_width = 0;
  std::size_t value_width = 0;
  for (const Line& line : lines) {
    name_width = std::max(name_width, line.name.size());
    value_width = std::max(value_width, line.value.size());
  }
  std::string text;
  for (const Line& line : lines) {
    text += fmt::format("{:<{}}  {:>{}}  # {}\n", line.name, name_width, line.value, value_width,
                        line.note);
  }
  return text;
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

Json StatGroup::values_to_json() const {
  Json values = Json::object();
  for (const Item& item : items_) {
    if (const auto* statistic = std::get_if<Statistic>(&item.content)) {
      values[item.name] = std::visit(ToJson{}, statistic->value);
    } else {
      values[item.name] = std::get<std::unique_ptr<StatGroup>>(item.content)->values_to_json();
    }
  }
  return values;
}

}  // namespace nestwalk

#include "model/observe/statistics_snapshot.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace nestwalk {

namespace {

using Json = nlohmann::ordered_json;

struct Line {
  std::string name;
  std::string value;
  std::string note;
};

double quotient(const Ratio& r) {
  return static_cast<double>(r.part) / static_cast<double>(r.whole);
}

std::string ratio_text(const Ratio& r) {
  return r.whole == 0 ? "-" : fmt::format("{:.6g}", quotient(r));
}

Json ratio_json(const Ratio& r) {
  return r.whole == 0 ? Json(nullptr) : Json(quotient(r));
}

// The JSON value of each kind of statistic.
struct ToJson {
  Json operator()(std::uint64_t value) const { return value; }
  Json operator()(const Ratio& value) const { return ratio_json(value); }
  Json operator()(const PositionCounts& value) const { return value; }
  Json operator()(const Histogram& value) const {
    Json buckets = Json::array();
    for (unsigned bucket = 0; bucket < Histogram::kNumBuckets; ++bucket) {
      if (value.count_in(bucket) != 0) {
        buckets.push_back({{"from", Histogram::lowest(bucket)},
                           {"to", Histogram::highest(bucket)},
                           {"count", value.count_in(bucket)}});
      }
    }
    return {{"count", value.count()},
            {"sum", value.sum()},
            {"min", value.has_extremes() ? Json(value.min()) : Json(nullptr)},
            {"max", value.has_extremes() ? Json(value.max()) : Json(nullptr)},
            {"mean", ratio_json({value.sum(), value.count()})},
            {"buckets", std::move(buckets)}};
  }
};

// The text lines of each kind of statistic.
struct ToLines {
  std::vector<Line>& lines;
  const std::string& name;
  std::string note;

  void operator()(std::uint64_t value) const { add(name, std::to_string(value)); }
  void operator()(const Ratio& value) const { add(name, ratio_text(value)); }
  void operator()(const Histogram& value) const {
    add(name + ".count", std::to_string(value.count()));
    add(name + ".sum", std::to_string(value.sum()));
    add(name + ".min", value.has_extremes() ? std::to_string(value.min()) : "-");
    add(name + ".max", value.has_extremes() ? std::to_string(value.max()) : "-");
    add(name + ".mean", ratio_text({value.sum(), value.count()}));
    for (unsigned bucket = 0; bucket < Histogram::kNumBuckets; ++bucket) {
      if (value.count_in(bucket) != 0) {
        add(fmt::format("{}.from_{}_to_{}", name, Histogram::lowest(bucket),
                        Histogram::highest(bucket)),
            std::to_string(value.count_in(bucket)));
      }
    }
  }
  void operator()(const PositionCounts& value) const {
    std::uint64_t total = 0;
    // In the order of a walk: from the root down, each guest level's host levels first.
    for (std::size_t g = kMaxLevels + 1; g-- > 0;) {
      for (std::size_t h = kMaxLevels + 1; h-- > 0;) {
        const std::uint64_t count = value[g][h];
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

// A later value less an earlier one of the same statistic.
struct Since {
  const StatSnapshot::Value& earlier;

  StatSnapshot::Value operator()(std::uint64_t value) const {
    return value - std::get<std::uint64_t>(earlier);
  }
  StatSnapshot::Value operator()(const Ratio& value) const {
    const auto& before = std::get<Ratio>(earlier);
    return Ratio{value.part - before.part, value.whole - before.whole};
  }
  StatSnapshot::Value operator()(const Histogram& value) const {
    return value.since(std::get<Histogram>(earlier));
  }
  StatSnapshot::Value operator()(const PositionCounts& value) const {
    PositionCounts difference = value;
    const auto& before = std::get<PositionCounts>(earlier);
    for (std::size_t g = 0; g < difference.size(); ++g) {
      for (std::size_t h = 0; h < difference[g].size(); ++h) {
        difference[g][h] -= before[g][h];
      }
    }
    return difference;
  }
};

struct IsZero {
  bool operator()(std::uint64_t value) const { return value == 0; }
  bool operator()(const Ratio& value) const { return value.part == 0 && value.whole == 0; }
  bool operator()(const Histogram& value) const { return value.count() == 0; }
  bool operator()(const PositionCounts& value) const { return value == PositionCounts{}; }
};

}  // namespace

void StatSnapshot::add(StatDescription description, const Value& value) {
  statistics_.push_back({std::move(description), value});
}

StatSnapshot StatSnapshot::since(const StatSnapshot& earlier) const {
  std::unordered_map<std::string_view, const Value*> before;
  for (const Statistic& statistic : earlier.statistics_) {
    before.emplace(statistic.description.name, &statistic.value);
  }
  StatSnapshot difference;
  for (const Statistic& statistic : statistics_) {
    const auto found = before.find(statistic.description.name);
    difference.add(statistic.description, found == before.end()
                                              ? statistic.value
                                              : std::visit(Since{*found->second}, statistic.value));
  }
  return difference;
}

bool StatSnapshot::is_zero() const {
  return std::ranges::all_of(statistics_, [](const Statistic& statistic) {
    return std::visit(IsZero{}, statistic.value);
  });
}

Json StatSnapshot::values_to_json() const {
  Json values = Json::object();
  for (const Statistic& statistic : statistics_) {
    const std::string& name = statistic.description.name;
    Json* group = &values;
    std::size_t begin = 0;
    for (std::size_t dot; (dot = name.find('.', begin)) != std::string::npos; begin = dot + 1) {
      group = &(*group)[name.substr(begin, dot - begin)];
    }
    (*group)[name.substr(begin)] = std::visit(ToJson{}, statistic.value);
  }
  return values;
}

Json StatSnapshot::to_json() const {
  Json descriptions = Json::object();
  for (const auto& [description, value] : statistics_) {
    descriptions[description.name] = {{"unit", description.unit}, {"text", description.text}};
  }
  Json document;
  document["schema_version"] = StatGroup::kSchemaVersion;
  document["statistics"] = values_to_json();
  document["descriptions"] = std::move(descriptions);
  return document;
}

std::string StatSnapshot::to_text() const {
  std::vector<Line> lines;
  for (const auto& [description, value] : statistics_) {
    std::visit(
        ToLines{lines, description.name, fmt::format("{}, {}", description.unit, description.text)},
        value);
  }
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

}  // namespace nestwalk

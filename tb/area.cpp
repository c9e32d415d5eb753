#include "tb/area.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <sstream>
#include <string_view>
#include <tuple>
#include <utility>

#include "model/params/nearest_name.h"

namespace nestwalk {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSlotModule = "walk_slot";

std::vector<fs::path> sources(const fs::path& rtl) {
  std::vector<fs::path> paths = {rtl / "pkg/mmu_arch_pkg.sv", rtl / "pkg/walker_pkg.sv"};
  std::vector<fs::path> modules;
  for (const char* folder : {"prim", "lookup", "walker"}) {
    for (const fs::directory_entry& entry : fs::directory_iterator(rtl / folder)) {
      if (entry.path().extension() == ".sv") {
        modules.push_back(entry.path());
      }
    }
  }
  std::sort(modules.begin(), modules.end());
  paths.insert(paths.end(), modules.begin(), modules.end());
  return paths;
}

unsigned num_slots(const AreaSubject& subject) {
  unsigned slots = 1;
  for (const std::string& parameter : subject.parameters) {
    constexpr std::string_view kSlots = "Slots=";
    if (parameter.starts_with(kSlots)) {
      std::from_chars(parameter.data() + kSlots.size(), parameter.data() + parameter.size(), slots);
    }
  }
  return slots;
}

std::string script_of(const AreaSubject& subject, const fs::path& rtl, bool has_slots) {
  std::string script = "read_verilog -sv";
  for (const fs::path& path : sources(rtl)) {
    script += " " + path.string();
  }
  script += "\n";
  for (const std::string& parameter : subject.parameters) {
    const std::size_t equals = parameter.find('=');
    script += fmt::format("chparam -set {} {} {}\n", parameter.substr(0, equals),
                          parameter.substr(equals + 1), subject.module);
  }
  script += fmt::format("hierarchy -check -top {}\n", subject.module);
  if (!has_slots) {
    script += fmt::format("blackbox *{}\n", kSlotModule);
  }
  return script + "synth -run coarse:\nstat -json\n";
}

// The name that stands in the sources: Yosys puts the parameters around it.
std::string base_name(std::string_view name) {
  if (name.starts_with("$paramod$")) {  // a hash, then the name
    return std::string(name.substr(name.find('\\') + 1));
  }
  if (name.starts_with("$paramod\\")) {
    name.remove_prefix(std::string_view("$paramod\\").size());
    return std::string(name.substr(0, name.find('\\')));
  }
  return std::string(name.starts_with('\\') ? name.substr(1) : name);
}

bool is_flip_flop(std::string_view cell) {
  return cell.starts_with("$_") && cell.find("DFF") != std::string_view::npos;
}

struct MappedModule {
  std::string name;
  std::uint64_t num_cells = 0;
  std::uint64_t num_flip_flops = 0;
  std::map<std::string, std::uint64_t> children;  // by the name that Yosys has for them
};
using Design = std::map<std::string, MappedModule>;

std::string without_backslash(const std::string& name) {
  return name.starts_with('\\') ? name.substr(1) : name;
}

// The modules of what `stat -json` prints. What follows them is left: Yosys 0.23 prints a tree of
// the hierarchy into it that is no JSON.
Design read_modules(const std::string& text) {
  constexpr std::string_view kFirst = "\"modules\": {";
  constexpr std::string_view kLast = "\n   }";
  const std::size_t first = text.find(kFirst);
  const std::size_t last = first == std::string::npos ? first : text.find(kLast, first);
  const auto json =
      last == std::string::npos
          ? nlohmann::json()
          : nlohmann::json::parse(text.substr(first + kFirst.size() - 1,
                                              last + kLast.size() - first - kFirst.size() + 1),
                                  nullptr, false);
  if (!json.is_object() || json.empty()) {
    throw AreaError(
        "the statistics of yosys are not understood; expected the output of stat -json");
  }
  Design design;
  for (const auto& [name, figures] : json.items()) {
    MappedModule& module = design[without_backslash(name)];
    module.name = base_name(name);
    for (const auto& [cell, count] : figures.at("num_cells_by_type").items()) {
      const auto number = count.get<std::uint64_t>();
      if (cell.starts_with("$_")) {
        module.num_cells += number;
        module.num_flip_flops += is_flip_flop(cell) ? number : 0;
      } else {
        module.children[without_backslash(cell)] += number;
      }
    }
  }
  return design;
}

// Adds the instances of a module, and of what stands in it.
class Sum {
 public:
  // `plain`: the walker of one slot, which has what is a black box elsewhere.
  explicit Sum(const Design& plain) : plain_(plain) {}

  void add(const Design& design, const std::string& name, std::uint64_t num_instances) {
    const auto found = design.find(name);
    if (found == design.end()) {
      if (base_name(name) != kSlotModule || &design == &plain_) {
        throw AreaError(fmt::format("the statistics of yosys name no module {}", name));
      }
      const auto slot = std::find_if(plain_.begin(), plain_.end(), [](const auto& module) {
        return module.second.name == kSlotModule;
      });
      if (slot == plain_.end()) {
        throw AreaError("the walker of one slot has no slot");
      }
      add(plain_, slot->first, num_instances);
      return;
    }
    const MappedModule& module = found->second;
    // Two makes of one module that cost the same count as one.
    const auto key = std::tuple(module.name, module.num_cells, module.num_flip_flops);
    ModuleArea& area = modules_[key];
    area = {module.name, area.num_instances + num_instances, module.num_cells,
            module.num_flip_flops};
    for (const auto& [child, count] : module.children) {
      add(design, child, num_instances * count);
    }
  }

  [[nodiscard]] Area area() const {
    Area area;
    for (const auto& [key, module] : modules_) {
      area.num_cells += module.num_instances * module.num_cells;
      area.num_flip_flops += module.num_instances * module.num_flip_flops;
      area.modules.push_back(module);
    }
    std::stable_sort(area.modules.begin(), area.modules.end(),
                     [](const ModuleArea& a, const ModuleArea& b) {
                       return a.num_instances * a.num_cells > b.num_instances * b.num_cells;
                     });
    return area;
  }

 private:
  const Design& plain_;
  std::map<std::tuple<std::string, std::uint64_t, std::uint64_t>, ModuleArea> modules_;
};

std::string top_of(const Design& design, const std::string& module) {
  for (const auto& [name, mapped] : design) {
    if (mapped.name == module) {
      return name;
    }
  }
  throw AreaError(fmt::format("the statistics of yosys name no module {}", module));
}

std::string read_file(const fs::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string did_you_mean(const std::string& found, const std::vector<std::string>& names) {
  const auto nearest = nearest_name(found, names);
  return nearest ? "; did you mean " + *nearest + "?" : "";
}

}  // namespace

void check_subject(const AreaSubject& subject, const fs::path& rtl) {
  const std::vector<fs::path> paths = sources(rtl);
  std::vector<std::string> modules;
  std::string text;
  for (const fs::path& path : paths) {
    if (path.parent_path().filename() != "pkg") {
      modules.push_back(path.stem().string());
    }
    if (path.stem() == subject.module) {
      text = read_file(path);
    }
  }
  if (text.empty()) {
    throw AreaError(fmt::format("the RTL has no module {}{}", subject.module,
                                did_you_mean(subject.module, modules)));
  }
  std::vector<std::string> names;
  const std::regex declaration(R"(parameter\s[^=,;()]*?(\w+)\s*=)");
  for (auto match = std::sregex_iterator(text.begin(), text.end(), declaration);
       match != std::sregex_iterator(); ++match) {
    names.push_back((*match)[1].str());
  }
  for (const std::string& parameter : subject.parameters) {
    const std::size_t equals = parameter.find('=');
    const std::string name = parameter.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : parameter.substr(equals + 1);
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      throw AreaError(fmt::format("{} has no parameter {}{}\n  there are: {}", subject.module, name,
                                  did_you_mean(name, names), fmt::join(names, ", ")));
    }
    if (value.empty() || value.find_first_not_of("0123456789") != std::string::npos) {
      throw AreaError(fmt::format("{}: expected a number, as in {}=4", parameter, name));
    }
  }
}

std::vector<std::string> area_scripts(const AreaSubject& subject, const fs::path& rtl) {
  if (num_slots(subject) <= 1) {
    return {script_of(subject, rtl, true)};
  }
  AreaSubject plain = subject;
  std::erase_if(plain.parameters,
                [](const std::string& parameter) { return parameter.starts_with("Slots="); });
  plain.parameters.emplace_back("Slots=1");
  return {script_of(subject, rtl, false), script_of(plain, rtl, true)};
}

Area area_of(const AreaSubject& subject, const std::vector<std::string>& statistics) {
  const Design design = read_modules(statistics.front());
  const Design plain = read_modules(statistics.back());
  Sum sum(plain);
  sum.add(design, top_of(design, subject.module), 1);
  return sum.area();
}

}  // namespace nestwalk

#include "tb/walker_set.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <deque>
#include <fstream>
#include <optional>
#include <system_error>

#include "model/params/nearest_name.h"
#include "tb/walker_library.h"

namespace nestwalk {
namespace {

namespace fs = std::filesystem;

fs::path library_of(std::string_view name, const WalkerStore& store) {
  return store.libraries / fmt::format("nestwalk_walker_{}.so", name);
}

// One build at a time in a build folder, among all processes of the project.
class BuildLock {
 public:
  explicit BuildLock(const fs::path& folder)
      : file_(open((folder / ".walker_sets.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)) {
    if (file_ >= 0) {
      flock(file_, LOCK_EX);
    }
  }
  ~BuildLock() {
    if (file_ >= 0) {
      close(file_);
    }
  }
  BuildLock(const BuildLock&) = delete;
  BuildLock& operator=(const BuildLock&) = delete;

 private:
  int file_;
};

// Of what a library is made from; none: it is not known.
std::optional<fs::file_time_type> newest_source(const WalkerStore& store) {
  if (store.sources.empty()) {
    return std::nullopt;
  }
  std::error_code none;
  std::optional<fs::file_time_type> newest;
  const fs::file_time_type pins = fs::last_write_time(store.sources / "tb/pin_walker.cpp", none);
  if (!none) {
    newest = pins;
  }
  for (const char* folder : {"rtl", "tb/sv"}) {
    std::error_code error;
    for (const auto& entry : fs::recursive_directory_iterator(store.sources / folder, error)) {
      if (entry.is_regular_file(error)) {
        const fs::file_time_type time = entry.last_write_time(error);
        newest = std::max(newest.value_or(time), time);
      }
    }
  }
  return newest;
}

bool is_up_to_date(std::string_view name, const WalkerStore& store) {
  std::error_code error;
  const fs::file_time_type built = fs::last_write_time(library_of(name, store), error);
  if (error) {
    return false;
  }
  const std::optional<fs::file_time_type> newest = newest_source(store);
  return !newest || built >= *newest;
}

bool can_build(const WalkerStore& store) {
  return fs::exists(store.build / "CMakeCache.txt");
}

std::string quoted(const fs::path& path) {
  std::string text = "'";
  for (const char c : path.string()) {
    text += c == '\'' ? "'\\''" : std::string(1, c);
  }
  return text + "'";
}

std::string last_lines(const fs::path& path, std::size_t most) {
  std::ifstream file(path);
  std::deque<std::string> lines;
  for (std::string line; std::getline(file, line);) {
    lines.push_back("\n  " + line);
    if (lines.size() > most) {
      lines.pop_front();
    }
  }
  return fmt::format("{}", fmt::join(lines, ""));
}

void build(std::string_view name, const WalkerStore& store) {
  std::error_code ignored;  // what cannot be made shows in what follows
  fs::create_directories(store.libraries, ignored);
  const fs::path log = store.libraries / fmt::format("{}.log", name);
  fmt::print(
      stderr,
      "nestwalk: building the RTL walker {} (once: half a minute, minutes with many slots)\n",
      name);
  const std::string command =
      fmt::format("cmake --build {} --target nestwalk_walker_{} >{} 2>&1 </dev/null",
                  quoted(store.build), name, quoted(log));
  std::FILE* pipe = popen(command.c_str(), "w");
  if (pipe == nullptr || pclose(pipe) != 0) {
    throw WalkerSetError(fmt::format("the RTL walker {} could not be built; {} ends with:{}", name,
                                     log.string(), last_lines(log, 12)));
  }
  // What did not have to be linked again is not older than its sources any more.
  fs::last_write_time(library_of(name, store), fs::file_time_type::clock::now(), ignored);
}

std::vector<std::string> built_sets(const WalkerStore& store) {
  std::vector<std::string> built;
  for (const WalkerSet& set : walker_sets()) {
    if (fs::exists(library_of(set.name, store))) {
      built.emplace_back(set.name);
    }
    for (const std::string_view suffix : walker_set_suffixes()) {
      const std::string name = fmt::format("{}{}", set.name, suffix);
      if (fs::exists(library_of(name, store))) {
        built.push_back(name);
      }
    }
  }
  return built;
}

void build_if_needed(std::string_view name, const WalkerStore& store) {
  (void)find_walker_set(name);
  if (is_up_to_date(name, store)) {
    return;
  }
  if (can_build(store)) {
    const BuildLock lock(store.build);
    if (!is_up_to_date(name, store)) {  // nobody else has built it meanwhile
      build(name, store);
    }
  } else if (!fs::exists(library_of(name, store))) {
    const std::vector<std::string> built = built_sets(store);
    throw WalkerSetError(fmt::format(
        "the RTL walker {} was not built, and {} is no build folder to build it in; in {} there "
        "{}",
        name, store.build.string(), store.libraries.string(),
        built.empty() ? std::string("is none") : fmt::format("are: {}", fmt::join(built, ", "))));
  }
}

// Empty: it is of another state of the project.
std::unique_ptr<PinWalker> open_library(const fs::path& path) {
  // Stays open until the program ends: a walker's code must not go while the walker is there.
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    throw WalkerSetError(fmt::format("the RTL walker cannot be opened: {}", dlerror()));
  }
  const auto abi =
      reinterpret_cast<decltype(&nestwalk_walker_abi)>(dlsym(library, "nestwalk_walker_abi"));
  const auto make =
      reinterpret_cast<decltype(&nestwalk_walker_new)>(dlsym(library, "nestwalk_walker_new"));
  if (abi == nullptr || make == nullptr) {
    throw WalkerSetError(fmt::format("{} is no RTL walker", path.string()));
  }
  if (std::string_view(abi()) != NESTWALK_WALKER_ABI) {
    dlclose(library);
    return nullptr;
  }
  return std::unique_ptr<PinWalker>(make());
}

}  // namespace

const std::vector<WalkerSet>& walker_sets() {
  static const std::vector<WalkerSet> sets = {
#include "tb/walker_sets.inc"
  };
  return sets;
}

const std::vector<std::string_view>& walker_set_suffixes() {
  static const std::vector<std::string_view> suffixes = {"+wave", "+coverage", "+bugs"};
  return suffixes;
}

const WalkerStore& default_walker_store() {
  static const WalkerStore store = [] {
    WalkerStore made{NESTWALK_WALKER_FOLDER, NESTWALK_BUILD_FOLDER, NESTWALK_SOURCE_FOLDER};
    std::error_code error;
    const fs::path beside = fs::read_symlink("/proc/self/exe", error).parent_path() / "walkers";
    if (!fs::exists(made.libraries) && fs::exists(beside)) {
      made.libraries = beside;  // the program was moved with its libraries
    }
    return made;
  }();
  return store;
}

const WalkerSet& find_walker_set(std::string_view name) {
  const std::size_t plus = name.find('+');
  const std::string_view stem = name.substr(0, plus);
  const std::vector<WalkerSet>& sets = walker_sets();
  const auto found = std::find_if(sets.begin(), sets.end(),
                                  [stem](const WalkerSet& set) { return set.name == stem; });
  std::vector<std::string_view> names;
  for (const WalkerSet& set : sets) {
    names.push_back(set.name);
  }
  if (found == sets.end()) {
    const std::optional<std::string> nearest = nearest_name(stem, names);
    throw WalkerSetError(
        fmt::format("no RTL walker is called '{}'{}; there are {}", stem,
                    nearest ? fmt::format("; did you mean {}?", *nearest) : std::string(),
                    fmt::join(names, ", ")));
  }
  if (plus != std::string_view::npos) {
    const std::vector<std::string_view>& suffixes = walker_set_suffixes();
    const std::string_view suffix = name.substr(plus);
    if (std::find(suffixes.begin(), suffixes.end(), suffix) == suffixes.end()) {
      throw WalkerSetError(fmt::format("an RTL walker has no variant '{}'; there are {}", suffix,
                                       fmt::join(suffixes, ", ")));
    }
  }
  return *found;
}

void build_walker_set(std::string_view name, const WalkerStore& store) {
  build_if_needed(name, store);
}

std::unique_ptr<PinWalker> open_walker_set(std::string_view name, const WalkerStore& store) {
  build_if_needed(name, store);
  const fs::path path = library_of(name, store);
  std::unique_ptr<PinWalker> walker = open_library(path);
  if (walker == nullptr && can_build(store)) {
    const BuildLock lock(store.build);
    build(name, store);
    walker = open_library(path);
  }
  if (walker == nullptr) {
    throw WalkerSetError(fmt::format(
        "{} belongs to another build of the program; build target nestwalk_walker_{} again",
        path.string(), name));
  }
  return walker;
}

}  // namespace nestwalk

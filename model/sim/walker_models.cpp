#include "model/sim/walker_models.h"

#include <stdexcept>
#include <utility>

#include "model/tlm/walker.h"

namespace nestwalk {

namespace {

WalkerFactory& rtl_factory() {
  static WalkerFactory factory;
  return factory;
}

}  // namespace

void register_rtl_walker(WalkerFactory make) {
  rtl_factory() = std::move(make);
}

std::unique_ptr<PageWalker> make_walker(const WalkerPlace& place) {
  if (place.machine.walker.model == WalkerModel::kTlm) {
    return std::make_unique<Walker>(place.name.c_str(), place.machine.walker, place.queue,
                                    place.clock);
  }
  if (!rtl_factory()) {
    throw std::invalid_argument(
        "walker: rtl is not in this program, which was built without Verilator; install Verilator "
        "(./nestwalk setup) and build again, or take walker: tlm");
  }
  return rtl_factory()(place);
}

}  // namespace nestwalk

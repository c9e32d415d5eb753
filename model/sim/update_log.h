// Tells a SoftwareLog of the A and D bits that the walker of one core sets. An update that is lost
// to another writer is no update.
//
//   UpdateLog updates(slot, log);   // takes the walker's events while it exists
#pragma once

#include <cstdint>
#include <map>

#include "model/observe/event_sink.h"
#include "model/observe/software_log.h"
#include "model/sim/core_slot.h"
#include "model/sim/vcpu.h"

namespace nestwalk {

class UpdateLog : public EventSink {
 public:
  UpdateLog(CoreSlot& slot, SoftwareLog& log) : slot_(slot), log_(log) {
    slot_.platform.walker(slot_.index).connect_events(this);
  }
  ~UpdateLog() override { slot_.platform.walker(slot_.index).connect_events(nullptr); }
  UpdateLog(const UpdateLog&) = delete;
  UpdateLog& operator=(const UpdateLog&) = delete;

  void record(const Event& event) override {
    if (const auto pending = pending_.find(event.slot); pending != pending_.end()) {
      if (event.kind != EventKind::kRestart) {
        log_.record(pending->second);
      }
      pending_.erase(pending);
    }
    if (event.kind != EventKind::kUpdate) {
      return;
    }
    const bool is_host = event.stage == Stage::kHost;
    const bool is_shadow = slot_.running != nullptr && slot_.running->intercepts_page_faults();
    LogRecord r;
    r.cycle = event.cycle;
    r.core = slot_.index;
    r.vm = slot_.book.key().vm;
    r.process = slot_.book.key().process;
    r.actor = LogActor::kHardware;
    r.kind = LogKind::kAccessedDirty;
    r.table = {is_host     ? LogTable::kHost
               : is_shadow ? LogTable::kShadow
                           : LogTable::kGuest,
               is_host ? event.position.h : event.position.g};
    r.address = event.address;
    r.old_value = slot_.platform.memory().read(Hpa(event.address), event.bytes);
    r.value = event.value;
    pending_[event.slot] = r;
  }

 private:
  CoreSlot& slot_;
  SoftwareLog& log_;
  std::map<std::uint8_t, LogRecord> pending_;  // by walker slot, until its walk goes on
};

}  // namespace nestwalk

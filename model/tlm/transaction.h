// Transactions of non-blocking transport: payloads with their extensions from a pool that is their
// memory manager, and where each module on the way wrote down what it needs for the way back.
//
//   TransactionPool<TableExtension> pool;
//   auto& t = pool.take();                 // one reference, held by the caller
//   t.payload.set_address(...); t.extension.position = ...;
//   t.payload.release();                   // back into the pool with the last reference
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <tlm>
#include <vector>

#include "model/arch/check.h"

namespace nestwalk {

// The modules that a payload has passed on its way to memory, the last one on top.
struct RouteExtension : tlm::tlm_extension<RouteExtension> {
  struct Hop {
    int source = 0;         // the socket by which it came in
    void* state = nullptr;  // the module's own
  };

  void push(Hop hop) {
    fatal_unless(depth < hops.size(), "a payload passes no more modules than a route has room for");
    hops[depth++] = hop;
  }
  [[nodiscard]] Hop& top() { return hops[depth - 1]; }
  Hop pop() { return hops[--depth]; }

  [[nodiscard]] tlm::tlm_extension_base* clone() const override {
    return new RouteExtension(*this);
  }
  void copy_from(const tlm::tlm_extension_base& other) override {
    *this = static_cast<const RouteExtension&>(other);
  }

  std::array<Hop, 8> hops{};
  unsigned depth = 0;
};

// The route of a payload. One from a foreign initiator gets its route here, for as long as it
// lives.
inline RouteExtension& route_of(tlm::tlm_generic_payload& payload) {
  auto* route = payload.get_extension<RouteExtension>();
  if (route == nullptr) {
    route = new RouteExtension;
    payload.set_auto_extension(route);
  }
  return *route;
}

template <class Extension>
struct Transaction {
  tlm::tlm_generic_payload payload;
  Extension extension;
  RouteExtension route;
  std::uint64_t word = 0;  // room for the data of a table entry

  explicit Transaction(tlm::tlm_mm_interface* pool) : payload(pool) {
    payload.set_extension(&extension);
    payload.set_extension(&route);
  }
  ~Transaction() {  // the payload would free its extensions, which are members
    payload.clear_extension(&extension);
    payload.clear_extension(&route);
  }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
};

template <class Extension>
class TransactionPool : public tlm::tlm_mm_interface {
 public:
  Transaction<Extension>& take() {
    if (free_.empty()) {
      all_.push_back(std::make_unique<Transaction<Extension>>(this));
      all_.back()->route.push({0, all_.back().get()});  // below all hops: of_payload()
      free_.push_back(all_.back().get());
    }
    Transaction<Extension>& transaction = *free_.back();
    free_.pop_back();
    transaction.payload.acquire();
    return transaction;
  }
  // The transaction that a payload of this pool belongs to.
  static Transaction<Extension>& of_payload(tlm::tlm_generic_payload& payload) {
    return *static_cast<Transaction<Extension>*>(
        payload.get_extension<RouteExtension>()->hops[0].state);
  }
  void free(tlm::tlm_generic_payload* payload) override { free_.push_back(&of_payload(*payload)); }
  // Transactions that somebody holds.
  [[nodiscard]] std::size_t num_taken() const { return all_.size() - free_.size(); }

 private:
  std::vector<std::unique_ptr<Transaction<Extension>>> all_;
  std::vector<Transaction<Extension>*> free_;
};

}  // namespace nestwalk

#include "supervisors/spreader.hpp"

#include <variant>
#include <vector>

#include <caf/all.hpp>

#include "actors/registry.hpp"
#include "supervisors/boards.hpp"
#include "supervisors/link.hpp"

namespace tk {

namespace {

struct spreader_state {
  static inline const char* name = "tk.spreader";
  node_context* node = nullptr;
  spreader_settings settings;
};
using spreader_ptr = caf::stateful_actor<spreader_state>*;

board_frame frame_of(const any_board& x) {
  return {owner_of(x), std::visit([](auto& y) { return caf::make_message(*y); }, x)};
}

void on_flush(spreader_ptr self) {
  auto& node = *self->state.node;
  for (auto& x : node.boards->take_changed()) {
    auto frame = frame_of(x);
    for (size_t i = 0; i < node.peers.links.size(); ++i)
      if (node.peers.up.at(i)) self->send(node.peers.links[i], frame);
  }
}

void on_peer_up(spreader_ptr self, size_t slot) {
  auto& node = *self->state.node;
  if (slot >= node.peers.links.size()) return;
  auto ours = [&](const any_board& x) { return node.epochs.of(owner_of(x)).epoch == epoch_of(x); };
  for (auto& x : node.boards->all(ours)) self->send(node.peers.links[slot], frame_of(x));
}

caf::behavior spreader(spreader_ptr self, node_context* node, spreader_settings settings) {
  self->state.node = node;
  self->state.settings = settings;
  auto me = caf::actor_cast<caf::actor_addr>(self);
  node->boards->on_change([me] {
    if (auto to = caf::actor_cast<caf::actor>(me)) caf::anon_send(to, atom::publish_v);
  });
  return {
    [=](atom::publish) { self->delayed_send(self, self->state.settings.interval, atom::tick_v); },
    [=](atom::tick) { on_flush(self); },
    [=](const peer_up& x) { on_peer_up(self, x.slot); },
  };
}

} // namespace

caf::actor spawn_spreader(node_context& node, spreader_settings settings) {
  return node.system->spawn(spreader, &node, settings);
}

} // namespace tk

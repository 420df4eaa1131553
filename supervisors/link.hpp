#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>

#include "supervisors/node_context.hpp"

/// Everything between two nodes (H-05). A `link` is the near end of the way to one other node, a
/// `door` the far end of the ways from all of them. What carries frames is behind `frame_path`:
/// sockets in production, a network that fails on purpose in the simulation.
namespace tk {

/// What goes from node to node in one piece.
struct link_frame {
  std::vector<char> bytes;
  std::string_view about; ///< Type of what is in it, for whoever reads along; never freed.
};

/// A way to one other node. Called by one actor at a time, and never waits.
class frame_path {
public:
  frame_path() = default;
  frame_path(const frame_path&) = delete;
  frame_path& operator=(const frame_path&) = delete;
  virtual ~frame_path() = default;
  /// False when the frame was not sent and never will be: there is no connection, or too much is
  /// waiting for it already.
  virtual bool send(link_frame x) = 0;
  /// What came on it is of nobody who speaks as a node does: its connection is to be ended.
  virtual void cut(const char* why) = 0;
};
using frame_path_ptr = std::shared_ptr<frame_path>;

/// Held for as long as a frame that came costs memory here. Who brings frames counts these, and
/// reads on from that peer only when there are few enough.
using frame_place = std::shared_ptr<void>;

/// To a link: its connection stands, and frames go this way. Whatever was open before is unknown.
struct link_up {
  frame_path_ptr path;
  bool traces = false; ///< The other node reads what is behind a request's body.
};
/// To a link: its connection is lost.
struct link_down {};
/// To a link: what came back.
struct answer_frame {
  link_frame what;
  frame_place place{};
};
/// To the door: what another node asks or tells; answers go back the way it came.
struct request_frame {
  link_frame what;
  frame_path_ptr back;
  frame_place place{};
};

/// To a link: what everybody may know. Only the newest of a key is sure to arrive.
struct board_frame {
  entity_key key; ///< Of who tells it.
  caf::message board;
};

/// What links and doors count; read by the metrics page.
struct link_probe {
  std::atomic<uint64_t> asked{0}, told{0}, answered{0}, boards{0};
  std::atomic<uint64_t> moved{0};       ///< Asked elsewhere, because the other had it no more.
  std::atomic<uint64_t> unreachable{0}; ///< Refused before anything was sent.
  std::atomic<uint64_t> unknown{0};     ///< Sent, and no answer came.
  std::atomic<uint64_t> refused{0};     ///< Frames of others that could not be read.
  std::atomic<int64_t> open{0};         ///< Requests without an answer, now.
};

struct link_settings {
  size_t slot = peer_table::links_max; ///< Its index in the table of peers; past its end: in none.
  size_t open_max = 8192;    ///< Requests without an answer on one link; more hear `busy`.
  millis patience{500};      ///< An answer may come so much later than the request's deadline.
  millis look_interval{100}; ///< How often it is looked for requests whose time is up.
};

/// Starts the near end of the way to one other node. It takes envelopes and answers each request:
/// with what the far entity answered; with `unavailable` or `busy` when nothing was sent; with
/// `unknown` when the connection was lost after it was sent, or its time was up. What the other
/// node has no more, and what cannot be sent, goes to the node's router; nothing else is ever sent
/// twice. Answers are matched by `life`, which no other start of this node may have, so that one
/// for an earlier life is nobody's.
caf::actor spawn_link(node_context& node, link_probe& probe, int64_t life,
                      link_settings settings = {});

/// Starts the far end: passes on what others ask to the region, and sends the answers back.
caf::actor spawn_door(node_context& node, link_probe& probe);

} // namespace tk

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::board_frame)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::link_up)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::link_down)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::answer_frame)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::request_frame)

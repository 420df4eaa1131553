#pragma once

#include <type_traits>
#include <utility>

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/message.hpp>
#include <caf/response_type.hpp>
#include <caf/send.hpp>
#include <caf/typed_actor.hpp>

#include "actors/base/placement.hpp"
#include "actors/base/time.hpp"
#include "supervisors/no_timer.hpp"
#include "supervisors/node_context.hpp"

namespace tk {

/// A message on its way to an entity that is named by its key.
struct envelope {
  entity_key key;
  instant deadline; ///< Late envelopes are dropped before they are worked on.
  caf::message body;
  bool far = false; ///< From another node: what is not ours is its router's to ask elsewhere.
  int64_t moved_epoch = 0; ///< The owner of this epoch has said that it is not, or was not reached.
  int32_t tries = 0;       ///< How often it was sent to somebody who had not got it.
};

/// What leaves the node. The rest is of this node only.
template <class F> wire<F> inspect(F& f, envelope& x) { return f(x.key, x.deadline, x.body); }

/// What an entity of type `Port` answers to `Message`; a compile error when it has no such clause.
template <class Port, class Message> struct reply_to {
  using clause = caf::response_type_t<typename Port::signatures, Message>;
  template <class T> struct first;
  template <class T> struct first<caf::detail::type_list<T>> {
    using type = T;
  };
  using type = typename first<clause>::type;
};

/// A request to an entity, still to be given its two handlers.
template <class Reply, class Handle> class asked {
public:
  explicit asked(Handle handle) : handle_(std::move(handle)) {
    // nop
  }

  /// `on_reply(const Reply&)` and `on_error(const caf::error&)`; an error means unknown, see
  /// `to_ec`.
  template <class OnReply, class OnError> void then(OnReply on_reply, OnError on_error) {
    static_assert(std::is_invocable_v<OnReply, const Reply&>, "the entity answers another type");
    handle_.then([f = std::move(on_reply)](const Reply& x) mutable { f(x); },
                 [g = std::move(on_error)](caf::error& e) mutable { g(e); });
  }

private:
  Handle handle_;
};

/// Asks the entity `key` of type `Port`, wherever it lives, starting it when it sleeps. The
/// compiler checks that it understands `what`. It is dropped when it has not been begun after
/// `budget`; an error means unknown.
template <class Port, class Self, class Message>
auto ask(Self* self, const node_context& node, const entity_key& key, millis budget, Message what) {
  using reply = typename reply_to<Port, Message>::type;
  auto until = node.clock->now() + budget;
  auto handle = self->request(node.way_to(key), always_answered,
                              envelope{key, until, caf::make_message(std::move(what))});
  return asked<reply, decltype(handle)>{std::move(handle)};
}

/// Tells an entity something that needs no answer. It may be lost: the receiver must find out by
/// itself in time.
template <class Port, class Message>
void tell(const node_context& node, const entity_key& key, Message what) {
  static_assert(std::is_same_v<caf::response_type_t<typename Port::signatures, Message>,
                               caf::detail::type_list<void>>);
  auto until = node.clock->now() + millis{10'000};
  caf::anon_send(node.way_to(key), envelope{key, until, caf::make_message(std::move(what))});
}

struct router_settings {
  size_t waiting_max = 8192; ///< Envelopes without a way; more are refused as `busy`.
  millis look_interval{20};  ///< How often it is looked whether there is one now.
  millis patience{100};      ///< After it the same owner is asked again: it may not have known.
  static constexpr int tries_max = 50;
};

/// Starts the router: it takes envelopes whose owner is not known, cannot be reached now, or has
/// answered that it is the owner no more. It waits for the roster to name one that can be reached,
/// within the envelope's deadline, and sends it there: nothing was begun, so nothing happens twice
/// (only `moved` and what was never sent come here). Whose time is up hears `late`.
/// `caf::actor`: who is asked, by `atom::look`, to read the roster soon when something waits.
caf::actor spawn_router(node_context& node, router_settings settings = {});

} // namespace tk

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::envelope)

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
  instant not_before{};    ///< Until then the router keeps it.
  trace_context trace{};   ///< Of who sent it; for neighbours that know of traces (link.hpp).
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

/// So often a request is made once more that was refused because a shard has a new owner, and so
/// long after the refusal: other nodes have heard of the owner by then.
inline constexpr int asked_again_max = 3;
inline constexpr millis asked_again_after{40};

/// Whether `x` says that nothing was done because an owner that the op names was an old one.
template <class Reply> bool was_fenced(const Reply& x) {
  if constexpr (requires { x.is == ec::fenced; }) return x.is == ec::fenced;
  else return false;
}

/// Sends it, and once more when it was fenced; through the router, which waits.
template <class Reply, class Self, class OnReply, class OnError>
void send_asked(Self* self, const node_context& node, envelope what, int again, OnReply on_reply,
                OnError on_error) {
  const bool waits = what.not_before != instant{};
  self->request(waits ? node.router : node.way_to(what.key), always_answered, what)
    .then(
      [=, &node](const Reply& x) mutable {
        auto at = node.clock->now() + asked_again_after;
        if (again == 0 || !was_fenced(x) || !node.router || what.deadline <= at) return on_reply(x);
        what.not_before = at;
        send_asked<Reply>(self, node, std::move(what), again - 1, std::move(on_reply),
                          std::move(on_error));
      },
      [on_error](caf::error& e) mutable { on_error(e); });
}

/// A request to an entity, still to be given its two handlers.
template <class Reply, class Self> class asked {
public:
  asked(Self* self, const node_context& node, envelope what, bool may_repeat)
      : self_(self), node_(node), what_(std::move(what)), may_repeat_(may_repeat) {
    // nop
  }

  /// `on_reply(const Reply&)` and `on_error(const caf::error&)`; an error means unknown, see
  /// `to_ec`.
  template <class OnReply, class OnError> void then(OnReply on_reply, OnError on_error) {
    static_assert(std::is_invocable_v<OnReply, const Reply&>, "the entity answers another type");
    send_asked<Reply>(self_, node_, std::move(what_), may_repeat_ ? asked_again_max : 0,
                      std::move(on_reply), std::move(on_error));
  }

private:
  Self* self_;
  const node_context& node_;
  envelope what_;
  bool may_repeat_;
};

/// Asks the entity `key` of type `Port`, wherever it lives, starting it when it sleeps. The
/// compiler checks that it understands `what`. It is dropped when it has not been begun after
/// `budget`; an error means unknown. When the answer is that nothing was done because some shard
/// has a new owner, it is asked again within the budget, unless the message itself names owners.
/// What it causes is part of `trace`.
template <class Port, class Self, class Message>
auto ask(Self* self, const node_context& node, const entity_key& key, millis budget, Message what,
         const trace_context& trace = {}) {
  using reply = typename reply_to<Port, Message>::type;
  auto until = node.clock->now() + budget;
  constexpr bool may_repeat = !requires { what.event_owner; };
  envelope out{key, until, caf::make_message(std::move(what))};
  out.trace = trace;
  return asked<reply, Self>{self, node, std::move(out), may_repeat};
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
  millis patience{20};       ///< After it the same owner is asked again: it may not have known yet.
  millis patience_max{100};  ///< Each time it is twice as long as the last, up to this.
  static constexpr int tries_max = 50;
};

/// Starts the router: it takes envelopes whose owner is not known, cannot be reached now, or has
/// answered that it is the owner no more. It waits for the roster to name one that can be reached,
/// within the envelope's deadline, and sends it there: nothing was begun, so nothing happens twice
/// (only `moved` and what was never sent come here). Whose time is up hears `late`.
/// `caf::actor`: who is asked, by `atom::look`, to read the roster soon when something waits;
/// `atom::look, bool`: the roster has changed, so it is to be read now.
caf::actor spawn_router(node_context& node, router_settings settings = {});

} // namespace tk

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(tk::envelope)

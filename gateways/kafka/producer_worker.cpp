#include <memory>

#include <caf/actor_system.hpp>
#include <caf/typed_event_based_actor.hpp>

#include "gateways/kafka/producer.hpp"

namespace tk {

namespace {

event_sink_actor::behavior_type worker(event_sink_actor::pointer, const kafka_settings& settings,
                                       kafka_probe* probe) {
  auto producer = std::make_shared<kafka_producer>(settings, *probe);
  return {
    [producer](const hand_over& x) { return handed_over{producer->deliver(*x.rows, x.dead)}; }};
}

} // namespace

event_sink_actor spawn_kafka_producer(caf::actor_system& system, const kafka_settings& settings,
                                      kafka_probe& probe) {
  return system.spawn<caf::detached>(worker, settings, &probe);
}

} // namespace tk

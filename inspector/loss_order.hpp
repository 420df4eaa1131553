#pragma once

#include <string>

#include "inspector/node_client.hpp"

/// What operators hear of what a fail-over has lost, and what they say to it. Pure.
namespace tk::inspector {

inline constexpr const char* losses_path = "/operator/losses";
inline constexpr const char* accept_path = "/operator/losses/accept";

/// What one node said of itself.
struct loss_seen {
  bool told = false;      ///< It was an answer.
  bool suspected = false; ///< It misses something, or looks for it.
  std::string key;        ///< Of what is missing; empty while it looks for it.
};
loss_seen loss_of(const node_answer& x);

std::string loss_request(const std::string& key, const std::string& reason,
                         const std::string& operation);

} // namespace tk::inspector

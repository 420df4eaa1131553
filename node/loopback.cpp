#include "node/loopback.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

namespace tk {

bool is_loopback(const std::string& host) {
  in_addr v4{};
  in6_addr v6{};
  constexpr uint32_t loopback_net = 127;
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return ntohl(v4.s_addr) >> 24 == loopback_net;
  if (inet_pton(AF_INET6, host.c_str(), &v6) == 1) return IN6_IS_ADDR_LOOPBACK(&v6) != 0;
  return host == "localhost";
}

} // namespace tk

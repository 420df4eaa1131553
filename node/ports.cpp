#include "node/ports.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace tk {

bool port_free(const std::string& address, uint16_t port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return true; // Whoever listens later will say what is wrong.
  int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(port);
  bool known = inet_pton(AF_INET, address.c_str(), &where.sin_addr) == 1;
  bool taken = known && bind(fd, reinterpret_cast<sockaddr*>(&where), sizeof where) != 0 &&
               errno == EADDRINUSE;
  close(fd);
  return !taken;
}

} // namespace tk

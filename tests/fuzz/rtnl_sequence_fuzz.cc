// SPDX-License-Identifier: BSD-3-Clause
// Whole sequences of requests from several clients in several namespaces, executed, with what must
// be true afterwards checked after each one. Input: a list of steps; the first byte of one says
// what it is, the bytes that follow are what it needs.
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "control/ipvlan_key.h"
#include "control/ipvlan_master.h"
#include "control/link_name.h"
#include "control/rtnl.h"
#include "dataplane/errno_status.h"
#include "tests/fuzz/fuzz.h"

namespace vswitch {
namespace {

constexpr size_t kNamespaces = 3;
constexpr size_t kMaxSteps = 200;
constexpr size_t kStepsPerDump = 16;
constexpr std::array<const char*, 12> kNames = {"a",  "b",  "c",  "d%d", "veth%d", "veth0",
                                                "d0", "lo", "a1", "%d",  "x%dy",   ""};
constexpr std::array<uint8_t, 2> kLastBytes = {1, 2};  // of MAC addresses
constexpr std::array<const char*, 5> kKinds = {"veth", "dummy", "ipvlan", "nosuch", ""};

// Reads an input byte by byte; what is missing reads as zero.
class Input {
 public:
  Input(const uint8_t* data, size_t size) : rest_(data, size) {}

  bool empty() const { return rest_.empty(); }
  uint8_t Byte() {
    if (rest_.empty()) return 0;
    const uint8_t byte = rest_[0];
    rest_ = rest_.subspan(1);
    return byte;
  }
  uint32_t Word() {
    uint32_t word = 0;
    for (int i = 0; i < 4; ++i) word = word << 8 | Byte();
    return word;
  }
  bool Coin() { return (Byte() & 1) != 0; }
  template <typename T, size_t N>
  T Pick(const std::array<T, N>& from) {
    return from[Byte() % N];
  }
  Bytes Take(size_t size) {
    const Bytes bytes = rest_.first(std::min(size, rest_.size()));
    rest_ = rest_.subspan(bytes.size());
    return bytes;
  }

 private:
  std::span<const uint8_t> rest_;
};

// Every message it is sent must be one that a client can walk.
class FuzzClient : public Client {
 public:
  explicit FuzzClient(std::vector<Namespace*>& namespaces) : namespaces_(namespaces) {
    port_id = 7;
    admin = ext_ack = true;
  }

  void Send(Datagram datagram) override {
    NlReader reader(datagram);
    size_t walked = 0;
    while (const std::optional<NlMessage> message = reader.Next()) {
      walked += NLMSG_ALIGN(message->bytes.size());
      links += message->header.nlmsg_type == RTM_NEWLINK ? 1 : 0;
      if (message->header.nlmsg_type == NLMSG_DONE) {
        done = true;
        dump_error = ReadStruct<int32_t>(message->payload());
      }
    }
    FUZZ_CHECK(walked == datagram.size());
  }

  absl::StatusOr<Namespace*> FindNetns(NetnsHandle handle, uint32_t number) override {
    if (number >= namespaces_.size()) return Client::FindNetns(handle, number);
    return namespaces_[number];
  }

  // A dump may stay unfinished until somebody reads on.
  void ContinueDump() override {
    if (!slow) Client::ContinueDump();
  }

  bool slow = false;
  size_t links = 0;
  bool done = false;
  int dump_error = 0;

 private:
  std::vector<Namespace*>& namespaces_;
};

class FuzzMulticast : public Multicast {
 public:
  void Notify(const Namespace&, uint32_t, const Datagram& datagram) override {
    const std::optional<NlMessage> message = NlReader(datagram).Next();
    FUZZ_CHECK(message.has_value() && message->bytes.size() == datagram.size());
  }
};

// Refuses some MTUs.
class FuzzBackend final : public Backend {
 public:
  uint16_t queues() const override { return 1; }
  void Receive(uint16_t, Burst&) override {}
  SendResult Send(uint16_t, Burst&) override { return {}; }
  BackendStatus Status() const override { return {}; }
  absl::Status SetMtu(uint32_t mtu) override {
    return mtu % 3 == 1 ? ErrnoStatus(EINVAL) : absl::OkStatus();
  }
};

// One vswitch without packets.
class World {
 public:
  World() {
    for (size_t i = 0; i < kNamespaces; ++i) {
      namespaces_.push_back(&registry_.NamespaceFor(i + 1));
      clients_.push_back(std::make_unique<FuzzClient>(namespaces_));
      clients_.back()->ns = namespaces_.back();
    }
  }

  void Step(Input& input) {
    FuzzClient& client = *clients_[input.Byte() % kNamespaces];
    switch (input.Byte() % 10) {
      case 0:
      case 1:
      case 2:
        return Handle(client, NewLink(input));
      case 3:
      case 4:
        return Handle(client, Change(input));
      case 5:
        return Handle(client, Delete(input));
      case 6:
        return Handle(client, AltName(input));
      case 7:
        return Handle(client, Anything(input));
      case 8:
        return Odd(client, input);
      default:
        return Handle(client, Address(input));
    }
  }

  void Check() {
    for (Namespace* ns : registry_.namespaces()) CheckNamespace(*ns);
  }
  void CheckDumps() {
    for (const auto& client : clients_) CheckDump(*client);
  }

 private:
  void Handle(FuzzClient& client, const Datagram& datagram) {
    rtnl_.Handle(datagram, client);
    rtnl_.Commit();
  }

  // Of a link that may be there, or the last one there can be.
  static int32_t Index(Input& input) {
    const uint8_t index = input.Byte() % 17;
    return index == 16 ? INT32_MAX : index;
  }

  // What a request about links begins with.
  static void BeginLink(NlWriter& writer, uint16_t type, Input& input) {
    const uint8_t how = input.Byte();
    ifinfomsg header{};
    header.ifi_index = (how & 1) != 0 ? Index(input) : 0;
    if ((how & 2) != 0) header.ifi_flags = input.Byte();
    if ((how & 4) != 0) header.ifi_change = input.Byte();
    constexpr std::array<uint16_t, 4> kFlags = {NLM_F_ACK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL,
                                                NLM_F_CREATE, NLM_F_ECHO};
    writer.Begin(type, static_cast<uint16_t>(NLM_F_REQUEST | input.Pick(kFlags)), 1, 0);
    writer.PutStruct(header);
  }

  static void PutLinkAttributes(NlWriter& writer, Input& input) {
    const uint8_t which = input.Byte();
    if ((which & 1) != 0) writer.PutString(IFLA_IFNAME, input.Pick(kNames));
    if ((which & 2) != 0) writer.PutU32(IFLA_MTU, input.Byte() * 16u);
    if ((which & 4) != 0) writer.PutU32(IFLA_GROUP, input.Byte() % 4);
    if ((which & 8) != 0) writer.PutU32(IFLA_NET_NS_FD, input.Byte() % (kNamespaces + 1));
    if ((which & 16) != 0) writer.PutS32(IFLA_TARGET_NETNSID, input.Byte() % 4);
    if ((which & 32) != 0) writer.PutS32(IFLA_LINK_NETNSID, input.Byte() % 4);
    if ((which & 64) != 0) writer.PutS32(IFLA_NEW_IFINDEX, input.Byte() % 16);
    if ((which & 128) != 0)
      writer.PutBytes(static_cast<uint16_t>(input.Byte() % 64), input.Take(6));
  }

  static Datagram NewLink(Input& input) {
    Datagram datagram;
    NlWriter writer(datagram);
    BeginLink(writer, RTM_NEWLINK, input);
    PutLinkAttributes(writer, input);
    if (input.Coin()) writer.PutS32(IFLA_LINK, Index(input));
    const size_t info = writer.BeginNest(IFLA_LINKINFO);
    writer.PutString(IFLA_INFO_KIND, input.Pick(kKinds));
    if (input.Coin()) {
      const size_t data = writer.BeginNest(IFLA_INFO_DATA);
      input.Coin() ? PutPeer(writer, input) : PutIpvlan(writer, input);
      writer.EndNest(data);
    }
    writer.EndNest(info);
    writer.End();
    return datagram;
  }

  static void PutPeer(NlWriter& writer, Input& input) {
    const size_t peer = writer.BeginNest(VETH_INFO_PEER);
    ifinfomsg header{};
    header.ifi_index = input.Byte() % 8;
    header.ifi_flags = header.ifi_change = input.Byte();
    writer.PutStruct(header);
    PutLinkAttributes(writer, input);
    writer.EndNest(peer);
  }

  static void PutIpvlan(NlWriter& writer, Input& input) {
    if (input.Coin()) writer.PutU16(IFLA_IPVLAN_MODE, input.Byte() % (IPVLAN_MODE_MAX + 1));
    if (input.Coin()) writer.PutU16(IFLA_IPVLAN_FLAGS, input.Byte() % 5);
  }

  static Datagram Change(Input& input) {
    Datagram datagram;
    NlWriter writer(datagram);
    BeginLink(writer, input.Coin() ? RTM_SETLINK : RTM_NEWLINK, input);
    PutLinkAttributes(writer, input);
    writer.End();
    return datagram;
  }

  static Datagram Delete(Input& input) {
    Datagram datagram;
    NlWriter writer(datagram);
    BeginLink(writer, RTM_DELLINK, input);
    PutLinkAttributes(writer, input);
    writer.End();
    return datagram;
  }

  static Datagram AltName(Input& input) {
    Datagram datagram;
    NlWriter writer(datagram);
    BeginLink(writer, input.Coin() ? RTM_NEWLINKPROP : RTM_DELLINKPROP, input);
    const size_t list = writer.BeginNest(IFLA_PROP_LIST, true);
    for (int i = input.Byte() % 3; i >= 0; --i) {
      writer.PutString(IFLA_ALT_IFNAME, input.Pick(kNames));
    }
    writer.EndNest(list);
    writer.End();
    return datagram;
  }

  static Datagram Address(Input& input) {
    Datagram datagram;
    NlWriter writer(datagram);
    constexpr std::array<uint16_t, 8> kTypes = {RTM_NEWADDR,  RTM_DELADDR,   RTM_NEWROUTE,
                                                RTM_DELROUTE, RTM_NEWNEIGH,  RTM_DELNEIGH,
                                                RTM_NEWRULE,  RTM_NEWNEXTHOP};
    writer.Begin(input.Pick(kTypes), static_cast<uint16_t>(NLM_F_REQUEST | NLM_F_CREATE), 1, 0);
    const bool inet = input.Coin();
    Datagram header(12);
    header[0] = inet ? AF_INET : AF_INET6;
    header[1] = input.Byte() % 129;
    const int32_t ifindex = Index(input);
    std::memcpy(&header[4], &ifindex, sizeof(ifindex));
    writer.PutRaw(header);
    for (int i = input.Byte() % 5; i >= 0; --i) {
      Datagram address(inet ? 4 : 16);
      address.front() = inet ? 10 : 0xfd;
      address.back() = input.Byte() % 4;
      writer.PutBytes(static_cast<uint16_t>(1 + input.Byte() % 8), address);
    }
    writer.End();
    return datagram;
  }

  // Bytes as they come, with a header that makes them a request.
  static Datagram Anything(Input& input) {
    Datagram datagram;
    NlWriter writer(datagram);
    const auto type = static_cast<uint16_t>(RTM_BASE + input.Byte() % (RTM_MAX - RTM_BASE + 4));
    writer.Begin(type, static_cast<uint16_t>(NLM_F_REQUEST | input.Word()), 1, 0);
    writer.PutRaw(input.Take(input.Byte()));
    writer.End();
    return datagram;
  }

  // What is no request about a link.
  void Odd(FuzzClient& client, Input& input) {
    const uint8_t what = input.Byte();
    if (what >= 0xfc) return Plug(*client.ns, input);
    if (what >= 0xf8) return Handle(client, Receive(input));
    switch (what % 7) {
      case 0:
        return Handle(client, Nsid(input));
      case 1:
        return EndNamespace(1 + input.Byte() % (kNamespaces - 1));
      case 2:
        client.slow = input.Coin();
        return;
      case 3:
        if (client.dump != nullptr && !client.dump->Next().has_value()) client.dump.reset();
        return;
      case 4:
        client.strict_check = input.Coin();
        return;
      case 5:
        now_ += std::chrono::milliseconds(100 * input.Byte());
        return rtnl_.RunTimers();
      default:
        client.admin = !client.admin || input.Coin();
        return;
    }
  }

  // What a link receives beside its own address (AF_BRIDGE).
  static Datagram Receive(Input& input) {
    Datagram datagram;
    NlWriter writer(datagram);
    writer.Begin(input.Coin() ? RTM_NEWNEIGH : RTM_DELNEIGH, NLM_F_REQUEST | NLM_F_ACK, 1, 0);
    writer.PutStruct(ndmsg{.ndm_family = AF_BRIDGE,
                           .ndm_ifindex = Index(input),
                           .ndm_state = NUD_PERMANENT,
                           .ndm_flags = NTF_SELF});
    writer.PutBytes(NDA_LLADDR, MacAddress{input.Byte(), 0, 0, 0, 0, input.Pick(kLastBytes)});
    writer.End();
    return datagram;
  }

  // Somebody comes to stand behind a link, or goes.
  void Plug(const Namespace& ns, Input& input) {
    Device* device = ns.FindByIndex(Index(input));
    if (device == nullptr || device->kind == nullptr) return;
    if (dataplane_.PortOf(device->id) != nullptr) {
      (void)rtnl_.Detach(*device);
    } else if (device->kind->can_have_backend) {
      dataplane_.Publish(device->id, device->kind->make_netdev(*device));
      dataplane_.Attach(device->id, std::make_unique<FuzzBackend>());
    }
    rtnl_.Commit();
  }

  static Datagram Nsid(Input& input) {
    Datagram datagram;
    NlWriter writer(datagram);
    writer.Begin(input.Coin() ? RTM_NEWNSID : RTM_GETNSID, NLM_F_REQUEST | NLM_F_ACK, 1, 0);
    writer.PutStruct(uint32_t{0});
    writer.PutU32(NETNSA_FD, input.Byte() % (kNamespaces + 1));
    writer.PutS32(NETNSA_NSID, input.Byte() % 8 - 1);
    writer.End();
    return datagram;
  }

  // It comes back as a new one, as the kernel gives a number away again.
  void EndNamespace(size_t i) {
    clients_[i]->ns = nullptr;
    clients_[i]->dump.reset();
    rtnl_.EndNamespace(*namespaces_[i]);
    rtnl_.Commit();
    namespaces_[i] = &registry_.NamespaceFor(i + 1);
    clients_[i]->ns = namespaces_[i];
  }

  void CheckNamespace(Namespace& ns) {
    std::set<std::string> names;
    const std::vector<Device*> devices = ns.DumpOrder();
    for (Device* device : devices) {
      FUZZ_CHECK(device->ns == &ns && device->registered && !device->unregistering);
      FUZZ_CHECK(ns.FindByIndex(device->ifindex) == device);
      CheckName(ns, *device, device->name, names);
      FUZZ_CHECK(IsLegalName(device->name));
      for (const std::string& altname : device->altnames) CheckName(ns, *device, altname, names);
      CheckPair(*device);
      CheckSlave(*device);
    }
    FUZZ_CHECK(ns.FindByIndex(1) == &ns.lo());
    for (const auto& [id, peer] : ns.ids()) {
      FUZZ_CHECK(id >= 0 && ns.IdOf(*peer) == id);
      FUZZ_CHECK(registry_.FindNamespace(peer->inode()) == peer);
    }
  }

  static void CheckName(const Namespace& ns, const Device& device, const std::string& name,
                        std::set<std::string>& names) {
    FUZZ_CHECK(names.insert(name).second);
    FUZZ_CHECK(ns.FindByName(name) == &device);
  }

  // No half of a pair, and each end is where the other thinks it is.
  static void CheckPair(const Device& device) {
    if (device.kind == nullptr || device.kind->name != "veth") return;
    const Device* peer = device.link;
    FUZZ_CHECK(peer != nullptr && peer != &device);
    FUZZ_CHECK(peer->link == &device);
    FUZZ_CHECK(peer->ns->FindByIndex(peer->ifindex) == peer);
    FUZZ_CHECK(device.carrier == (device.up() && peer->up()));
  }

  // A slave is one of its lower device, which is there, and has its addresses to itself.
  static void CheckSlave(const Device& device) {
    FUZZ_CHECK((device.ipvlan != nullptr) ==
               (device.kind != nullptr && device.kind->name == "ipvlan"));
    if (device.ipvlan == nullptr) return;
    const IpvlanMaster& master = *device.ipvlan->master;
    const Device* phy = device.link;
    FUZZ_CHECK(device.ipvlan->joined && *device.ipvlan->position == &device);
    FUZZ_CHECK(phy != nullptr && phy == &master.phy() && phy->lower_port == &master);
    FUZZ_CHECK(phy->ipvlan == nullptr && phy->ns->FindByIndex(phy->ifindex) == phy);
    FUZZ_CHECK(device.dev_id != 0 && device.address == phy->address);
    FUZZ_CHECK(device.ipvlan->unicast == (device.up() && HasUnicast(device)));
    FUZZ_CHECK(!device.ipvlan->unicast || phy->upper_unicast > 0);
    if (device.inet == nullptr) return;
    for (const uint8_t family : {uint8_t{AF_INET}, uint8_t{AF_INET6}}) {
      for (const InetAddress& address : device.inet->Of(family)) {
        FUZZ_CHECK(master.OwnerOf(IpvlanKey(address)) == &device);
        const bool found = master.port()->addresses().Find(KeyOf(IpvlanKey(address))) != 0;
        FUZZ_CHECK(found == device.up());
      }
    }
  }

  // Every link, once, unless a dump is under way already.
  void CheckDump(FuzzClient& client) {
    if (client.dump != nullptr) return;
    const bool slow = std::exchange(client.slow, false);
    client.links = 0;
    client.done = false;
    Datagram datagram;
    NlWriter writer(datagram);
    writer.Begin(RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP, 2, 0);
    writer.PutStruct(ifinfomsg{});
    writer.End();
    rtnl_.Handle(datagram, client);
    client.slow = slow;
    FUZZ_CHECK(client.done && client.dump_error == 0);
    FUZZ_CHECK(client.links == client.ns->DumpOrder().size());
  }

  Registry registry_{1};
  Dataplane dataplane_{1};
  FuzzMulticast multicast_;
  std::vector<Namespace*> namespaces_;
  std::vector<std::unique_ptr<FuzzClient>> clients_;
  MonotonicTime now_{std::chrono::seconds(1000)};
  Rtnl rtnl_{registry_, dataplane_, multicast_, BackendEnv{}, [this] { return now_; }};
};

}  // namespace
}  // namespace vswitch

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  vswitch::Input input(data, size);
  vswitch::World world;
  for (size_t i = 0; i < vswitch::kMaxSteps && !input.empty(); ++i) {
    world.Step(input);
    world.Check();
    if (i % vswitch::kStepsPerDump == 0) world.CheckDumps();
  }
  world.CheckDumps();
  return 0;
}

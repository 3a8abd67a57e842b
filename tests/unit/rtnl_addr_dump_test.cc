// SPDX-License-Identifier: BSD-3-Clause
// RTM_GETADDR and RTM_GETNETCONF: strict checks, filters, order, several datagrams.
#include <gtest/gtest.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>

#include "absl/strings/str_cat.h"
#include "tests/support/address_fixture.h"

namespace vswitch {

namespace {

// The bytes of one request with any header and attributes.
class GetRequest {
 public:
  template <typename Header>
  GetRequest(uint16_t type, uint16_t flags, const Header& header) : writer_(datagram_) {
    writer_.Begin(type, static_cast<uint16_t>(NLM_F_REQUEST | flags), 1, 0);
    writer_.PutStruct(header);
  }
  GetRequest(const GetRequest&) = delete;
  NlWriter& writer() { return writer_; }
  const Datagram& Done() {
    writer_.End();
    return datagram_;
  }

 private:
  Datagram datagram_;
  NlWriter writer_;
};

class RtnlAddrDumpTest : public AddressTest {
 protected:
  void SetUp() override {
    AddressTest::SetUp();
    client_.strict_check = true;
    Add({"v0", "10.0.0.1/24"});
    Add({.device = "v0", .local = "fd00::1/64", .flags = IFA_F_NODAD});
    Add({"v1", "10.0.0.2/24"});
  }

  // What the NLMSG_DONE or NLMSG_ERROR at the end says.
  std::string Dump(const Datagram& request) { return Raw(request).back(); }
  std::string DumpAddresses(const ifaddrmsg& header, uint16_t attribute = 0) {
    GetRequest request(RTM_GETADDR, NLM_F_DUMP, header);
    if (attribute != 0) request.writer().PutU32(attribute, 1);
    return Dump(request.Done());
  }
};

constexpr char kDone[] = "DONE len=20 flags=0x2 seq=1 done=0";

TEST_F(RtnlAddrDumpTest, StrictChecks) {
  EXPECT_EQ(DumpAddresses({.ifa_family = AF_INET}), kDone);
  const std::string failed = " seq=1 done=-22 msg=\"";
  const auto error = [&](const std::string& answer) {
    const size_t at = answer.find(failed);
    return at == std::string::npos ? answer : answer.substr(at + failed.size());
  };
  EXPECT_EQ(error(DumpAddresses({.ifa_family = AF_INET, .ifa_prefixlen = 1})),
            "ipv4: Invalid values in header for address dump request\"");
  EXPECT_EQ(error(DumpAddresses({.ifa_family = AF_INET6, .ifa_flags = 1})),
            "ipv6: Invalid values in header for address dump request\"");
  EXPECT_EQ(error(DumpAddresses({.ifa_scope = 1})),
            "ipv4: Invalid values in header for address dump request\"");
  EXPECT_EQ(error(DumpAddresses({.ifa_family = AF_INET6}, IFA_FLAGS)),
            "ipv6: Unsupported attribute in dump request\"");
  EXPECT_EQ(error(DumpAddresses({.ifa_family = AF_INET}, IFA_TARGET_NETNSID)),
            "ipv4: Invalid target network namespace id\"");
  EXPECT_EQ(error(DumpAddresses({.ifa_family = AF_INET}, 99)), "Unknown attribute type\"");
  GetRequest tiny(RTM_GETADDR, NLM_F_DUMP, rtgenmsg{.rtgen_family = AF_INET});
  EXPECT_EQ(error(Dump(tiny.Done())), "ipv4: Invalid header for address dump request\"");
}

TEST_F(RtnlAddrDumpTest, WithoutStrictChecksNothingMatters) {
  client_.strict_check = false;
  EXPECT_EQ(DumpAddresses({.ifa_family = AF_INET, .ifa_prefixlen = 1, .ifa_index = 99}, 99), kDone);
  GetRequest tiny(RTM_GETADDR, NLM_F_DUMP, rtgenmsg{.rtgen_family = AF_INET});
  EXPECT_EQ(Raw(tiny.Done()).size(), 3u);
}

TEST_F(RtnlAddrDumpTest, FilterByDevice) {
  GetRequest request(RTM_GETADDR, NLM_F_DUMP, ifaddrmsg{.ifa_index = 3});
  const Lines lines = Raw(request.Done());
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_NE(lines[0].find("flags=0x22"), std::string::npos) << lines[0];
  EXPECT_EQ(lines[2], "DONE len=20 flags=0x22 seq=1 done=0");
  EXPECT_EQ(DumpAddresses({.ifa_index = 99}), "DONE len=20 flags=0x22 seq=1 done=-19");
  EXPECT_EQ(DumpAddresses({.ifa_index = 1}), "DONE len=20 flags=0x22 seq=1 done=0");
}

TEST_F(RtnlAddrDumpTest, FamiliesInDatagramsOfTheirOwn) {
  GetRequest request(RTM_GETADDR, NLM_F_DUMP, ifaddrmsg{});
  Raw(request.Done());
  ASSERT_EQ(client_.sent.size(), 3u);  // IPv4, IPv6, NLMSG_DONE
  EXPECT_EQ(DescribeMessages(client_.sent[0]).size(), 2u);
  EXPECT_EQ(DescribeMessages(client_.sent[1]).size(), 1u);
}

TEST_F(RtnlAddrDumpTest, ManyAddresses) {
  for (int i = 0; i < 200; ++i) Add({"v1", absl::StrCat("10.1.", i, ".1/24")});
  EXPECT_EQ(Show().size(), 203u);
  GetRequest request(RTM_GETADDR, NLM_F_DUMP, ifaddrmsg{.ifa_family = AF_INET});
  Raw(request.Done());
  EXPECT_GT(client_.sent.size(), 4u);
  for (const Datagram& datagram : client_.sent) EXPECT_LE(datagram.size(), 3776u);
}

TEST_F(RtnlAddrDumpTest, DevicesInTheOrderOfALinkDump) {
  RequestBuilder request(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE, Index(256 + 2));
  ASSERT_EQ(Ask(request.Str(IFLA_IFNAME, "d0").Kind("dummy")).error, 0);
  Add({"d0", "10.0.0.9/24"});
  EXPECT_EQ(Show(AF_INET),
            (Lines{"d0 10.0.0.9/24 label=d0 flags=0x80", "v1 10.0.0.2/24 label=v1 flags=0x80",
                   "v0 10.0.0.1/24 label=v0 flags=0x80"}));
}

TEST_F(RtnlAddrDumpTest, OneInet6Address) {
  const auto ask = [&](const std::string& address, uint32_t ifindex, uint8_t prefixlen = 0,
                       uint16_t extra = 0) {
    GetRequest request(
        RTM_GETADDR, 0,
        ifaddrmsg{.ifa_family = AF_INET6, .ifa_prefixlen = prefixlen, .ifa_index = ifindex});
    if (!address.empty()) {
      request.writer().PutBytes(IFA_ADDRESS, IpAddress::Parse(address)->AsBytes());
    }
    if (extra != 0) request.writer().PutU32(extra, 0);
    return Raw(request.Done()).back();
  };
  const std::string found = "type=20 len=72 flags=0x0 seq=1";
  EXPECT_EQ(ask("fd00::1", 3), found);
  EXPECT_EQ(ask("fd00::1", 0), found);
  EXPECT_EQ(ask("fd00::1", 99), found);
  EXPECT_NE(ask("fd00::1", 2).find(" error=-99"), std::string::npos);
  EXPECT_NE(ask("", 3).find(" error=-22"), std::string::npos);
  EXPECT_NE(ask("fd00::1", 3, 64).find("ipv6: Invalid values in header for get address request"),
            std::string::npos);
  EXPECT_NE(ask("fd00::1", 3, 0, IFA_FLAGS).find("ipv6: Unsupported attribute in get address"),
            std::string::npos);
  client_.strict_check = false;
  EXPECT_EQ(ask("fd00::1", 3, 64, IFA_FLAGS), found);
}

TEST_F(RtnlAddrDumpTest, OneInet6AddressOfSeveralLinks) {
  const auto owner = [&] {
    GetRequest request(RTM_GETADDR, 0, ifaddrmsg{.ifa_family = AF_INET6});
    request.writer().PutBytes(IFA_ADDRESS, IpAddress::Parse("fd00::1")->AsBytes());
    client_.sent.clear();
    rtnl_.Handle(request.Done(), client_);
    const auto message = NlReader(client_.sent.at(0)).Next();
    if (message->header.nlmsg_type != RTM_NEWADDR) return std::string("nobody");
    const auto ifindex = ReadStruct<ifaddrmsg>(message->payload()).ifa_index;
    return ns().FindByIndex(static_cast<int32_t>(ifindex))->name;
  };
  AddDummy("d0");
  for (const char* device : {"v1", "d0"}) {
    Add({.device = device, .local = "fd00::1/64", .flags = IFA_F_NODAD});
  }
  EXPECT_EQ(owner(), "d0");
  Del({"d0", "fd00::1/64"});
  EXPECT_EQ(owner(), "v0");
  Del({"v0", "fd00::1/64"});
  EXPECT_EQ(owner(), "v1");
  Del({"v1", "fd00::1/64"});
  EXPECT_EQ(owner(), "nobody");
}

// --- NETCONF ------------------------------------------------------------------------------------

TEST_F(RtnlAddrDumpTest, Netconf) {
  const auto ask = [&](uint8_t family, int32_t ifindex, uint16_t type = NETCONFA_IFINDEX) {
    GetRequest request(RTM_GETNETCONF, 0, netconfmsg{.ncm_family = family});
    request.writer().PutS32(type, ifindex);
    return Raw(request.Done()).back();
  };
  EXPECT_EQ(ask(AF_INET, 3), "type=80 len=76 flags=0x0 seq=1");
  EXPECT_EQ(ask(AF_INET, NETCONFA_IFINDEX_ALL), "type=80 len=76 flags=0x0 seq=1");
  EXPECT_EQ(ask(AF_INET6, NETCONFA_IFINDEX_DEFAULT), "type=80 len=60 flags=0x0 seq=1");
  EXPECT_NE(ask(AF_INET, 99).find(" error=-22"), std::string::npos);
  EXPECT_NE(ask(AF_UNSPEC, 3).find(" error=-95"), std::string::npos);
  EXPECT_NE(ask(AF_INET, 3, NETCONFA_RP_FILTER)
                .find("ipv4: Unsupported attribute in netconf get request"),
            std::string::npos);
  client_.strict_check = false;
  EXPECT_NE(ask(AF_INET, 3, NETCONFA_RP_FILTER).find(" error=-22"), std::string::npos);
}

TEST_F(RtnlAddrDumpTest, NetconfDump) {
  const auto dump = [&](uint8_t family, size_t extra = 0) {
    GetRequest request(RTM_GETNETCONF, NLM_F_DUMP, netconfmsg{.ncm_family = family});
    if (extra != 0) request.writer().PutZeros(NETCONFA_IFINDEX, extra);
    return Raw(request.Done());
  };
  EXPECT_EQ(dump(AF_INET).size(), 6u);  // lo, v1, v0, all, default, NLMSG_DONE
  EXPECT_EQ(dump(AF_UNSPEC).size(), 11u);
  EXPECT_NE(dump(AF_INET6, 4).back().find("ipv6: Invalid data after header in netconf dump"),
            std::string::npos);
  client_.strict_check = false;
  EXPECT_EQ(dump(AF_INET6, 4).size(), 6u);
}

}  // namespace

}  // namespace vswitch

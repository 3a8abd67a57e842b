// SPDX-License-Identifier: BSD-3-Clause
#include "control/registry.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "control/link_name.h"
#include "dataplane/errno_status.h"

namespace vswitch {

namespace {

class RegistryTest : public testing::Test {
 protected:
  // Registers a device under a name or template, as Rtnl::Register does.
  Device& Add(const std::string& wanted, int32_t ifindex = 0) {
    auto device = std::make_unique<Device>();
    const auto name = ns().ResolveName(wanted);
    EXPECT_TRUE(name.ok()) << wanted;
    device->name = *name;
    device->ifindex = ifindex;
    EXPECT_TRUE(ns().Insert(*device).ok()) << wanted;
    return registry_.Add(std::move(device));
  }
  void Delete(Device& device) {
    ns().Remove(device);
    registry_.Forget(device);
  }
  int ResolveError(const std::string& wanted) { return ErrnoOf(ns().ResolveName(wanted).status()); }
  std::string Resolve(const std::string& wanted) { return ns().ResolveName(wanted).value_or("-"); }
  Namespace& ns() { return registry_.initial(); }

  Registry registry_{1};
};

TEST_F(RegistryTest, IsBornWithLoopback) {
  Device* lo = ns().FindByName("lo");
  ASSERT_EQ(lo, &ns().lo());
  EXPECT_EQ(lo->ifindex, 1);
  EXPECT_FALSE(lo->up());
  EXPECT_EQ(ns().FindByIndex(1), lo);
}

TEST_F(RegistryTest, NamespacesAreSeparate) {
  Add("a");
  Namespace& other = registry_.NamespaceFor(2);
  EXPECT_EQ(other.FindByName("a"), nullptr);
  EXPECT_EQ(other.lo().ifindex, 1);
  EXPECT_EQ(&registry_.NamespaceFor(2), &other);
  EXPECT_EQ(registry_.namespaces().size(), 2u);
}

TEST_F(RegistryTest, RefusesIllegalNames) {
  for (const char* name :
       {"", ".", "..", "a/b", "a:b", "a b", "a\tb", "a\nb", "1234567890123456"}) {
    EXPECT_EQ(ResolveError(name), EINVAL) << name;
  }
  EXPECT_EQ(Resolve("123456789012345"), "123456789012345");
  EXPECT_EQ(Resolve("..."), "...");
}

TEST_F(RegistryTest, RefusesBadTemplates) {
  for (const char* name : {"foo%s", "f%d%d", "foo%", "%%d", "f%dx%"}) {
    EXPECT_EQ(ResolveError(name), EINVAL) << name;
  }
}

TEST_F(RegistryTest, NamesAreUniqueAmongPrimaryAndAlternative) {
  Device& a = Add("a");
  ASSERT_TRUE(ns().AddAltname(a, "alt").ok());
  EXPECT_EQ(ResolveError("a"), EEXIST);
  EXPECT_EQ(ResolveError("alt"), EEXIST);
  EXPECT_EQ(ns().FindByName("alt"), &a);
}

TEST_F(RegistryTest, TemplateTakesTheSmallestFreeNumber) {
  EXPECT_EQ(Add("veth%d").name, "veth0");
  Device& one = Add("veth%d");
  EXPECT_EQ(Add("veth%d").name, "veth2");
  Delete(one);
  EXPECT_EQ(Add("veth%d").name, "veth1");
  EXPECT_EQ(Add("veth%d").name, "veth3");
}

TEST_F(RegistryTest, TemplateCountsAlternativeNamesAndOnlyExactNumbers) {
  Device& a = Add("veth007");
  EXPECT_EQ(Resolve("veth%d"), "veth0");
  ASSERT_TRUE(ns().AddAltname(a, "veth0").ok());
  EXPECT_EQ(Resolve("veth%d"), "veth1");
  ASSERT_TRUE(ns().RemoveAltname(a, "veth0").ok());
  EXPECT_EQ(Resolve("veth%d"), "veth0");
}

TEST_F(RegistryTest, ANameIsANumberOfSeveralTemplates) {
  for (int i = 0; i < 12; ++i) Add("a%d");
  Device& a12 = Add("a12");
  Add("a10%d");                             // a100
  for (int i = 0; i < 3; ++i) Add("a1%d");  // a13, since a10 to a12 are taken, then a14, a15
  EXPECT_EQ(Resolve("a1%d"), "a16");
  EXPECT_EQ(Resolve("a%d"), "a16");
  Delete(a12);
  EXPECT_EQ(Resolve("a%d"), "a12");
  EXPECT_EQ(Resolve("a1%d"), "a12");
}

TEST_F(RegistryTest, RenamingFreesTheNumber) {
  Device& zero = Add("v%d");
  Add("v%d");
  ns().Rename(zero, "other");
  EXPECT_EQ(ns().FindByName("other"), &zero);
  EXPECT_EQ(ns().FindByName("v0"), nullptr);
  EXPECT_EQ(Add("v%d").name, "v0");
}

TEST_F(RegistryTest, TemplateMayHaveASuffix) {
  EXPECT_EQ(Add("e%dx").name, "e0x");
  EXPECT_EQ(Add("e%dx").name, "e1x");
}

TEST_F(RegistryTest, TemplateThatOutgrowsTheNameIsFull) {
  for (int i = 0; i < 100; ++i) Add("abcdefghijklm%d");
  EXPECT_EQ(ResolveError("abcdefghijklm%d"), ENFILE);
}

TEST_F(RegistryTest, IndexesAreNeverReusedUntilTheyWrap) {
  Device& a = Add("a");
  EXPECT_EQ(a.ifindex, 2);
  Delete(a);
  EXPECT_EQ(Add("b").ifindex, 3);
}

TEST_F(RegistryTest, ExplicitIndexesAreSkippedAndDoNotMoveTheCounter) {
  EXPECT_EQ(Add("x", 3).ifindex, 3);
  EXPECT_EQ(Add("y", 1000).ifindex, 1000);
  EXPECT_EQ(Add("a").ifindex, 2);
  EXPECT_EQ(Add("b").ifindex, 4);
}

TEST_F(RegistryTest, TakenIndexIsBusy) {
  Device device;
  device.name = "a";
  device.ifindex = 1;
  EXPECT_EQ(ErrnoOf(ns().Insert(device)), EBUSY);
  EXPECT_EQ(ns().FindByName("a"), nullptr);
}

TEST_F(RegistryTest, AlternativeNamesHaveTheKernelsErrors) {
  Device& a = Add("a");
  Device& b = Add("b");
  ASSERT_TRUE(ns().AddAltname(a, "alt").ok());
  EXPECT_EQ(ErrnoOf(ns().AddAltname(b, "alt")), EEXIST);
  EXPECT_EQ(ErrnoOf(ns().AddAltname(b, "a")), EEXIST);
  EXPECT_EQ(ErrnoOf(ns().RemoveAltname(b, "nosuch")), ENOENT);
  EXPECT_EQ(ErrnoOf(ns().RemoveAltname(b, "alt")), EINVAL);
  EXPECT_EQ(ErrnoOf(ns().RemoveAltname(a, "a")), EINVAL);
  EXPECT_TRUE(ns().RemoveAltname(a, "alt").ok());
  EXPECT_EQ(ns().FindByName("alt"), nullptr);
}

TEST_F(RegistryTest, RemovingADeviceFreesAllItsNames) {
  Device& a = Add("a");
  ASSERT_TRUE(ns().AddAltname(a, "alt").ok());
  Delete(a);
  EXPECT_EQ(ns().FindByName("a"), nullptr);
  EXPECT_EQ(ns().FindByName("alt"), nullptr);
  EXPECT_EQ(ns().FindByIndex(2), nullptr);
}

TEST_F(RegistryTest, DumpsInBucketOrder) {
  Add("a", 258);
  Add("b", 2);
  Add("c", 514);
  Add("d", 3);
  std::vector<std::string> names;
  for (const Device* device : ns().DumpOrder()) names.push_back(device->name);
  // lo is 1; 258, 2 and 514 share a bucket, the most recent first.
  EXPECT_EQ(names, (std::vector<std::string>{"lo", "c", "b", "a", "d"}));
}

TEST_F(RegistryTest, GroupsAreInOrderOfRegistration) {
  Device& first = Add("first", 300);
  Device& second = Add("second", 200);
  first.group = second.group = 7;
  EXPECT_EQ(ns().InGroup(7), (std::vector<Device*>{&first, &second}));
  EXPECT_TRUE(ns().InGroup(8).empty());
}

}  // namespace

}  // namespace vswitch

#!/bin/sh
# Sends the TCP connections of this network namespace through a Fairlead sidecar (capture mode `redirect`), IPv4 and
# IPv6: what leaves goes to 15001, what arrives to 15006. As root:
#
#   redirect.sh apply     replaces these rules, however often it is run, and touches no others
#   redirect.sh remove
#
# FAIRLEAD_PROXY_UID         the user that Envoy runs as, whose own connections are not captured (1337)
# FAIRLEAD_EXCLUDE_INBOUND   ports of this workload that stay as they are, with commas (15020,15021,15090)
# FAIRLEAD_EXCLUDE_OUTBOUND  ports elsewhere that stay as they are, with commas (none)
set -eu

uid=${FAIRLEAD_PROXY_UID:-1337}
inbound=${FAIRLEAD_EXCLUDE_INBOUND-15020,15021,15090}
outbound=${FAIRLEAD_EXCLUDE_OUTBOUND-}

case "$uid" in '' | *[!0-9]*) echo "redirect.sh: FAIRLEAD_PROXY_UID is not a number: $uid" >&2 && exit 64 ;; esac
for ports in "$inbound" "$outbound"; do
  case "$ports" in *[!0-9,]*) echo "redirect.sh: not ports with commas between them: $ports" >&2 && exit 64 ;; esac
done

# except CHAIN PORTS: a rule for each port that leaves the chain.
except() {
  for port in $(echo "$2" | tr , ' '); do echo "-A $1 -p tcp --dport $port -j RETURN"; done
}

# rules LOOPBACK BACK: the chains, for iptables-restore. BACK is where the proxy calls its own application from.
rules() {
  echo '*nat'
  echo ':FAIRLEAD_INBOUND - [0:0]'
  echo ':FAIRLEAD_OUTBOUND - [0:0]'
  except FAIRLEAD_INBOUND "$inbound"
  echo '-A FAIRLEAD_INBOUND -p tcp -j REDIRECT --to-ports 15006'
  # The proxy has had it already, and hands it to the application.
  echo "-A FAIRLEAD_OUTBOUND -o lo -s $2 -j RETURN"
  # The application calls itself by the address of its service: it goes in as everything does.
  echo "-A FAIRLEAD_OUTBOUND -o lo ! -d $1 -p tcp -m owner --uid-owner $uid -j REDIRECT --to-ports 15006"
  # The application talks to itself, or somebody to the proxy's own ports.
  echo "-A FAIRLEAD_OUTBOUND -o lo -m owner ! --uid-owner $uid -j RETURN"
  echo "-A FAIRLEAD_OUTBOUND -m owner --uid-owner $uid -j RETURN"
  echo "-A FAIRLEAD_OUTBOUND -d $1 -j RETURN"
  except FAIRLEAD_OUTBOUND "$outbound"
  echo '-A FAIRLEAD_OUTBOUND -p tcp -j REDIRECT --to-ports 15001'
  echo COMMIT
}

# hook TABLES FROM CHAIN: once.
hook() {
  "$1" -w -t nat -C "$2" -p tcp -j "$3" 2>/dev/null || "$1" -w -t nat -A "$2" -p tcp -j "$3"
}

# unhook TABLES FROM CHAIN: and the chain, where they are there.
unhook() {
  "$1" -w -t nat -D "$2" -p tcp -j "$3" 2>/dev/null || true
  "$1" -w -t nat -F "$3" 2>/dev/null || true
  "$1" -w -t nat -X "$3" 2>/dev/null || true
}

apply() {
  rules "$2" "$3" | "$1-restore" -w --noflush
  hook "$1" PREROUTING FAIRLEAD_INBOUND
  hook "$1" OUTPUT FAIRLEAD_OUTBOUND
}

remove() {
  unhook "$1" PREROUTING FAIRLEAD_INBOUND
  unhook "$1" OUTPUT FAIRLEAD_OUTBOUND
}

case "${1-}" in
  apply)
    apply iptables 127.0.0.1/32 127.0.0.6/32
    if [ -e /proc/net/if_inet6 ]; then
      # Unlike 127.0.0.6, it is not there by itself.
      ip -6 address replace ::6/128 dev lo
      apply ip6tables ::1/128 ::6/128
    fi
    ;;
  remove)
    remove iptables
    if [ -e /proc/net/if_inet6 ]; then
      remove ip6tables
      ip -6 address del ::6/128 dev lo 2>/dev/null || true
    fi
    ;;
  *)
    echo 'usage: redirect.sh apply|remove' >&2
    exit 64
    ;;
esac

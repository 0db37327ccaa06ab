#!/bin/sh
# Installs the one executable as a systemd service, on any Linux with glibc 2.36 or newer.
#
#   sh packaging/install.sh dist/weir [--domain D] [--email E]   install, or upgrade what is installed
#   sh packaging/install.sh dist/weir_….deb [...]                the same by dpkg
#   sh packaging/install.sh --uninstall [--purge]                remove; --purge also all but the backups
#
# Each build has a folder of its own; /usr/local/lib/weir leads to the current one and is switched in one step.
set -eu

lib=/usr/local/lib
link=$lib/weir
program=/usr/local/bin/weir
unit=/etc/systemd/system/weir.service
config=/etc/weir/weir.toml
data=/var/lib/weir

say() { echo "weir: $*"; }
fail() {
    echo "weir: $*" >&2
    exit 1
}
systemd() { command -v systemctl >/dev/null && [ -d /run/systemd/system ]; }

remove_builds() { # all but $1
    for folder in "$lib"/weir-????????????????; do
        if [ -d "$folder" ] && [ "$folder" != "$1" ]; then
            rm -rf "$folder"
            say "removed $folder"
        fi
    done
}

check_machine() {
    [ "$(uname -s)" = Linux ] || fail "this is $(uname -s); Weir runs on Linux"
    # Bytes 18 and 19 of an ELF file say for which machine it is.
    case $(od -An -tx1 -N4 "$1" | tr -d ' ') in 7f454c46) ;; *) fail "$1 is no program; name dist/weir" ;; esac
    case $(od -An -tx1 -j18 -N2 "$1" | tr -d ' ') in
    3e00) made_for=x86_64 ;;
    b700) made_for=aarch64 ;;
    *) made_for="another processor" ;;
    esac
    [ "$(uname -m)" = "$made_for" ] || fail "$1 is made for $made_for; this machine is $(uname -m)"
    glibc=$(getconf GNU_LIBC_VERSION 2>/dev/null || ldd --version 2>/dev/null | head -n 1) || true
    glibc=$(echo "$glibc" | grep -o '[0-9]\+\.[0-9]\+$') ||
        fail "there is no glibc here (musl?); Weir needs glibc 2.36 or newer, as Debian 12 has it"
    major=${glibc%%.*} minor=${glibc#*.}
    if [ "$major" -lt 2 ] || { [ "$major" -eq 2 ] && [ "$minor" -lt 36 ]; }; then
        fail "glibc is $glibc here; Weir needs 2.36 or newer: Debian 12, Ubuntu 24.04, Fedora 38 or later"
    fi
    if [ -e /usr/lib/weir/weir ]; then
        fail "the Debian package is installed; upgrade it with dpkg -i, or first: dpkg --remove weir"
    fi
    if command -v dpkg >/dev/null; then
        say "this system has dpkg: the .deb (make deb) would be known to it; going on without"
    fi
    say "glibc $glibc, $made_for: fits"
}

unpack() { # sets $build
    umask 022
    mkdir -p "$lib" "${program%/*}"
    work=$(mktemp -d "$lib/.weir-unpack.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    trap 'exit 1' INT TERM
    cp "$1" "$work/weir-onefile"
    chmod 0755 "$work/weir-onefile"
    XDG_CACHE_HOME=$work/cache "$work/weir-onefile" version >/dev/null 2>"$work/said" ||
        fail "$1 did not unpack itself: $(cat "$work/said")"
    build=
    for folder in "$work"/cache/weir/*/; do
        build=$(basename "$folder")
    done
    [ -x "$work/cache/weir/$build/weir" ] || fail "$1 did not unpack itself: $(cat "$work/said")"
    if [ -e "$lib/weir-$build" ]; then
        say "$lib/weir-$build is already there"
    else
        chmod -R go=rX "$work/cache/weir/$build"
        mv "$work/cache/weir/$build" "$lib/weir-$build"
        say "unpacked to $lib/weir-$build"
    fi
    rm -rf "$work"
    trap - EXIT
}

make_user() {
    if ! getent passwd weir >/dev/null; then
        nologin=$(command -v nologin || echo /sbin/nologin)
        useradd --system --user-group --home-dir "$data" --no-create-home --shell "$nologin" \
            --comment "Weir click tracking" weir
        if [ -d "$data/backups" ]; then
            chown -R weir:weir "$data/backups"
        fi
        say "made the user weir"
    fi
    install -d -m 0750 -o weir -g weir "$data"
    install -d -m 0750 -o root -g weir /etc/weir
}

install_weir() {
    here=$(dirname "$0")
    [ -f "$here/weir.service" ] || fail "weir.service is missing beside $0; run it from Weir's packaging folder"
    check_machine "$1"
    unpack "$1"
    make_user
    # The target of a link cannot be changed, but a new one can take its name at once.
    ln -sfn "weir-$build" "$link.new"
    mv -T "$link.new" "$link"
    ln -sfn ../lib/weir/weir "$program"
    say "$program is now $("$program" version)"
    if [ ! -e "$config" ]; then
        public=0.0.0.0:80
        # State 0A is "listens", and 0050 is port 80: another web server would keep Weir from starting.
        if grep -qs ':0050 [0-9A-F:]* 0A ' /proc/net/tcp /proc/net/tcp6; then
            public=0.0.0.0:8080
            say "port 80 is taken; tracked links get port 8080. Change public.bind in $config"
        fi
        "$program" init --yes --config "$config" --data "$data" --public "$public" \
            ${domain:+--domain "$domain"} ${email:+--email "$email"}
    else
        say "kept $config"
    fi
    mkdir -p "${unit%/*}"
    known=
    if [ -e "$unit" ]; then
        known=yes
    fi
    sed "s|/usr/bin/weir|$program|g" "$here/weir.service" >"$unit.new"
    mv "$unit.new" "$unit"
    say "wrote $unit"
    if ! systemd; then
        say "systemd does not run here; start it yourself, as the user weir: $program serve --config $config"
    elif [ -z "$known" ]; then
        systemctl daemon-reload
        systemctl enable weir.service
        systemctl start weir.service || fail "it does not start; look at: journalctl -u weir"
        say "started; it starts with the machine from now on"
    else
        systemctl daemon-reload
        # One restart, not a stop and a start: systemd keeps the public sockets open in between.
        systemctl try-restart weir.service || fail "it does not start; look at: journalctl -u weir"
        say "restarted, if it ran"
    fi
    # Only now: what ran until the restart ran from there.
    remove_builds "$lib/weir-$build"
}

uninstall() {
    if systemd && [ -e "$unit" ]; then
        systemctl stop weir.service || true
    fi
    if command -v systemctl >/dev/null && [ -e "$unit" ]; then
        systemctl disable weir.service || true
    fi
    if [ -n "$purge" ] && getent passwd weir >/dev/null; then
        # First, because it refuses while a process of that user runs.
        userdel weir || fail "a process of the user weir still runs; stop it and repeat this"
        if getent group weir >/dev/null; then
            groupdel weir
        fi
        say "removed the user weir"
    fi
    rm -f "$unit" "$program" "$link"
    remove_builds none
    if systemd; then
        systemctl daemon-reload
    fi
    if [ -z "$purge" ]; then
        say "removed; kept $config, $data and the user weir (--uninstall --purge removes them)"
        return
    fi
    rm -rf /etc/weir
    if [ -d "$data" ]; then
        find "$data" -mindepth 1 -maxdepth 1 ! -name backups -exec rm -rf {} +
        if [ -d "$data/backups" ]; then
            rmdir "$data/backups" 2>/dev/null || true
        fi
        if ! rmdir "$data" 2>/dev/null; then
            chown -R root:root "$data"
            say "kept $data/backups"
        fi
    fi
    say "removed with all data"
}

file='' domain='' email='' purge='' action=install
while [ $# -gt 0 ]; do
    case $1 in
    --domain | --email)
        [ $# -ge 2 ] || fail "$1 needs a value"
        if [ "$1" = --domain ]; then domain=$2; else email=$2; fi
        shift
        ;;
    --uninstall) action=uninstall ;;
    --purge) purge=yes ;;
    -*) fail "unknown: $1; usage: $0 dist/weir [--domain D] [--email E], or $0 --uninstall [--purge]" ;;
    *) file=$1 ;;
    esac
    shift
done

[ "$(id -u)" = 0 ] || fail "only root can install: sudo sh $0 ..."
if [ "$action" = uninstall ]; then
    if [ -e /usr/lib/weir/weir ]; then
        fail "the Debian package is installed: dpkg --remove weir, or dpkg --purge weir"
    fi
    uninstall
    exit 0
fi
[ -z "$purge" ] || fail "--purge goes with --uninstall"
[ -f "$file" ] || fail "name the executable: $0 dist/weir (make binary makes it)"
case $file in
*.deb)
    command -v dpkg >/dev/null || fail "no dpkg here; give the executable itself: $0 dist/weir"
    INIT_DOMAIN=$domain INIT_EMAIL=$email dpkg --install "$file"
    ;;
*) install_weir "$file" ;;
esac

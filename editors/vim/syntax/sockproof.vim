" Sockproof cases. Written by editors/generate from the words of lib/script.
if exists('b:current_syntax')
  finish
endif

syn case match
syn iskeyword @,48-57,_,-

syn keyword sockproof_end both client middle own peer server
syn keyword sockproof_call accept bind close connect drain dup epoll exit
syn keyword sockproof_call fill finish fork get getpeername getsockname interrupt ioctl
syn keyword sockproof_call kill listen nonblock pass poll reap recv select
syn keyword sockproof_call send set shutdown signal socket spawn start take
syn keyword sockproof_statement any else establish lab never on optional queue
syn keyword sockproof_statement repeat silence state still wait when wire
syn keyword sockproof_state CLOSED CLOSE_WAIT CLOSING ESTABLISHED FIN_WAIT_1 FIN_WAIT_2 LAST_ACK LISTEN
syn keyword sockproof_state SYN_RECEIVED SYN_SENT TIME_WAIT
syn keyword sockproof_flag ACK CWR ECE FIN PSH RST SYN URG
syn keyword sockproof_error EACCES EADDRINUSE EADDRNOTAVAIL EAFNOSUPPORT EAGAIN EALREADY EBADF ECANCELED
syn keyword sockproof_error ECONNABORTED ECONNREFUSED ECONNRESET EDESTADDRREQ EDOM EFAULT EHOSTDOWN EHOSTUNREACH
syn keyword sockproof_error EINPROGRESS EINTR EINVAL EIO EISCONN EMFILE EMSGSIZE ENETDOWN
syn keyword sockproof_error ENETRESET ENETUNREACH ENFILE ENOBUFS ENODEV ENOENT ENOMEM ENOPROTOOPT
syn keyword sockproof_error ENOSYS ENOTCONN ENOTSOCK ENOTSUP ENOTTY EOPNOTSUPP EPERM EPFNOSUPPORT
syn keyword sockproof_error EPIPE EPROTO EPROTONOSUPPORT EPROTOTYPE ESHUTDOWN ESOCKTNOSUPPORT ETIMEDOUT EWOULDBLOCK
syn keyword sockproof_signal SIGABRT SIGALRM SIGCHLD SIGCONT SIGHUP SIGINT SIGIO SIGKILL
syn keyword sockproof_signal SIGPIPE SIGQUIT SIGSEGV SIGSTOP SIGTERM SIGURG SIGUSR1 SIGUSR2
syn keyword sockproof_constant ERR FIONREAD HUP IN IPV6_DONTFRAG IPV6_FLOWINFO_SEND IPV6_FREEBIND IPV6_MINHOPCOUNT
syn keyword sockproof_constant IPV6_MTU IPV6_MTU_DISCOVER IPV6_RECVERR IPV6_TCLASS IPV6_TRANSPARENT IPV6_UNICAST_HOPS IPV6_V6ONLY IP_BIND_ADDRESS_NO_PORT
syn keyword sockproof_constant IP_FREEBIND IP_MINTTL IP_MTU IP_MTU_DISCOVER IP_OPTIONS IP_RECVERR IP_TOS IP_TRANSPARENT
syn keyword sockproof_constant IP_TTL MSG_DONTROUTE MSG_DONTWAIT MSG_EOR MSG_ERRQUEUE MSG_FASTOPEN MSG_MORE MSG_NOSIGNAL
syn keyword sockproof_constant MSG_OOB MSG_PEEK MSG_TRUNC MSG_WAITALL NVAL OUT PRI RD
syn keyword sockproof_constant RDBAND RDHUP RDNORM RDWR SIOCATMARK SIOCINQ SIOCOUTQ SIOCOUTQNSD
syn keyword sockproof_constant SO_ACCEPTCONN SO_BINDTODEVICE SO_BROADCAST SO_BUSY_POLL SO_CONDITIONAL_ACCEPT SO_DEBUG SO_DOMAIN SO_DONTROUTE
syn keyword sockproof_constant SO_ERROR SO_EXCLUSIVEADDRUSE SO_INCOMING_CPU SO_KEEPALIVE SO_LINGER SO_MARK SO_MAX_PACING_RATE SO_OOBINLINE
syn keyword sockproof_constant SO_PRIORITY SO_PROTOCOL SO_RCVBUF SO_RCVBUFFORCE SO_RCVLOWAT SO_RCVTIMEO SO_REUSEADDR SO_REUSEPORT
syn keyword sockproof_constant SO_SNDBUF SO_SNDBUFFORCE SO_SNDLOWAT SO_SNDTIMEO SO_TYPE SO_ZEROCOPY TCP_CONGESTION TCP_CORK
syn keyword sockproof_constant TCP_DEFER_ACCEPT TCP_FASTOPEN TCP_FASTOPEN_CONNECT TCP_FASTOPEN_NO_COOKIE TCP_INFO TCP_INQ TCP_KEEPCNT TCP_KEEPIDLE
syn keyword sockproof_constant TCP_KEEPINTVL TCP_LINGER2 TCP_MAXRT TCP_MAXSEG TCP_NODELAY TCP_NOTSENT_LOWAT TCP_QUICKACK TCP_REPAIR
syn keyword sockproof_constant TCP_RTO_MAX_MS TCP_SAVE_SYN TCP_SYNCNT TCP_THIN_DUPACK TCP_THIN_LINEAR_TIMEOUTS TCP_TIMESTAMP TCP_TX_DELAY TCP_ULP
syn keyword sockproof_constant TCP_USER_TIMEOUT TCP_WINDOW_CLAMP WR WRBAND WRNORM
syn keyword sockproof_tcp_option ecr fastopen junk malformed mss sack sackok ts
syn keyword sockproof_tcp_option uto wscale
syn keyword sockproof_stack freebsd fstack gvisor haiku linux lwip macos netbsd
syn keyword sockproof_stack openbsd rump solaris windows wine zephyr
syn keyword sockproof_source documented measured reported source
syn keyword sockproof_word abs accepts ack acks address after again appliance
syn keyword sockproof_word as at badipsum badsum behind box broadcast by
syn keyword sockproof_word bytes catch checksum code connects copies corrupt cut
syn keyword sockproof_word default delay df doff drop dscp duplicate ecn
syn keyword sockproof_word eol exceeded firewall for frag from goodsum has
syn keyword sockproof_word header hold host icmp ignore in inject ip
syn keyword sockproof_word ipopt ipv4 ipv6 isn-rate isn-spread keep killed lacks
syn keyword sockproof_word len linger localhost loopback mtu multicast nat net
syn keyword sockproof_word nobody none nop nth off ok once open
syn keyword sockproof_word opt order path payload pending plug port preferred
syn keyword sockproof_word probe problem prohibited protocol quench raises raw rcv_nxt
syn keyword sockproof_word rcv_wnd reassembly release reorder replay restart restore rewrite
syn keyword sockproof_word route routed router rsvd second seq silent since
syn keyword sockproof_word skip snd_nxt snd_una src srcroute sysctl then timeout
syn keyword sockproof_word times to took ttl type unacked unknown unplug
syn keyword sockproof_word unreachable unread until urg veth wheel win window-probe
syn keyword sockproof_word within

syn match sockproofNumber /\<\d\+\(\.\d\+\)\?\(ns\|us\|ms\|s\|min\|h\|d\)\?\>/
syn match sockproofVariable /\$[a-z][a-z0-9_]*/
syn match sockproofLabel /@[a-z][a-z0-9_-]*/
syn match sockproofString /"[^"]*"/
syn match sockproofComment /\(^\|\s\)\zs#.*$/ contains=@Spell
syn match sockproof_header /^\%(case\|deadline\|family\|for\|labs\|needs\|pin\|spec\|title\|watch\|why\)\>/
syn match sockproofName /^\(case\|spec\)\>.*$/ contains=sockproof_header,sockproofComment
syn match sockproofText /^title\>.*$/ contains=sockproof_header,@Spell
syn region sockproofText start=/^why\>/ end=/^\ze\S/ contains=sockproof_header,@Spell
syn match sockproofText /^\s*source\>.*$/ contains=sockproof_source

hi def link sockproof_end Identifier
hi def link sockproof_call Function
hi def link sockproof_statement Statement
hi def link sockproof_state Type
hi def link sockproof_flag Type
hi def link sockproof_error Exception
hi def link sockproof_signal Constant
hi def link sockproof_constant Constant
hi def link sockproof_tcp_option Constant
hi def link sockproof_stack Special
hi def link sockproof_source Keyword
hi def link sockproof_word Keyword
hi def link sockproof_header PreProc
hi def link sockproofNumber Number
hi def link sockproofVariable Identifier
hi def link sockproofLabel Label
hi def link sockproofString String
hi def link sockproofComment Comment

let b:current_syntax = 'sockproof'

/* Whether a program links with our libraries taken in statically (cmake/libraries.cmake). */
#include <jansson.h>
#include <pcap/pcap.h>
#include <zlib.h>

int main(void)
{
    char words[PCAP_ERRBUF_SIZE] = "";
    pcap_t *pcap = pcap_create("lo", words);
    json_t *json = json_loads("{}", 0, NULL);
    return !pcap || pcap_activate(pcap) < 0 || !json || !zlibVersion();
}

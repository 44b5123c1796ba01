//! Issuers of travel documents: three-letter codes of ISO 3166-1 and of ICAO 9303 part 3, section 5.

/// ISO 3166-1 alpha-3.
const ISO: &str = "ABW AFG AGO AIA ALA ALB AND ARE ARG ARM ASM ATA ATF ATG AUS AUT AZE BDI BEL BEN BES BFA BGD BGR \
    BHR BHS BIH BLM BLR BLZ BMU BOL BRA BRB BRN BTN BVT BWA CAF CAN CCK CHE CHL CHN CIV CMR COD COG COK COL COM CPV \
    CRI CUB CUW CXR CYM CYP CZE DEU DJI DMA DNK DOM DZA ECU EGY ERI ESH ESP EST ETH FIN FJI FLK FRA FRO FSM GAB GBR \
    GEO GGY GHA GIB GIN GLP GMB GNB GNQ GRC GRD GRL GTM GUF GUM GUY HKG HMD HND HRV HTI HUN IDN IMN IND IOT IRL IRN \
    IRQ ISL ISR ITA JAM JEY JOR JPN KAZ KEN KGZ KHM KIR KNA KOR KWT LAO LBN LBR LBY LCA LIE LKA LSO LTU LUX LVA MAC \
    MAF MAR MCO MDA MDG MDV MEX MHL MKD MLI MLT MMR MNE MNG MNP MOZ MRT MSR MTQ MUS MWI MYS MYT NAM NCL NER NFK NGA \
    NIC NIU NLD NOR NPL NRU NZL OMN PAK PAN PCN PER PHL PLW PNG POL PRI PRK PRT PRY PSE PYF QAT REU ROU RUS RWA SAU \
    SDN SEN SGP SGS SHN SJM SLB SLE SLV SMR SOM SPM SRB SSD STP SUR SVK SVN SWE SWZ SXM SYC SYR TCA TCD TGO THA TJK \
    TKL TKM TLS TON TTO TUN TUR TUV TWN TZA UGA UKR UMI URY USA UZB VAT VCT VEN VGB VIR VNM VUT WLF WSM YEM ZAF ZMB \
    ZWE";

/// Issuers without an ISO code: Germany's own `D`, codes of British nationals, the European Union, the United Nations
/// and its agencies, Kosovo, Interpol, the Order of Malta, and organisations that issue passports.
const ICAO: &str = "D EUE GBD GBN GBO GBP GBS IAO RKS UNA UNK UNO XBA XCC XCE XCO XDC XEC XES XIM XMP XOM XPO";

/// Codes in place of a nationality: stateless, refugees, unspecified.
const STATELESS: &str = "XXA XXB XXC XXX";

/// Utopia, the state of ICAO's specimens: no real document has it.
pub(super) const SPECIMEN_STATE: &str = "UTO";

fn list_contains(codes: &str, code: &str) -> bool {
    codes.split_ascii_whitespace().any(|known| known == code)
}

/// Whether a code belongs to a state or organisation that issues documents.
pub(super) fn is_issuer(code: &str) -> bool {
    list_contains(ISO, code) || list_contains(ICAO, code)
}

/// Whether a code is possible as a holder's nationality.
pub(super) fn is_nationality(code: &str) -> bool {
    is_issuer(code) || list_contains(STATELESS, code) || code == SPECIMEN_STATE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iso_codes_are_complete_and_unique() {
        let mut codes: Vec<&str> = ISO.split_ascii_whitespace().collect();
        assert_eq!(codes.len(), 249);
        codes.dedup();
        assert_eq!(codes.len(), 249);
        assert!(codes.is_sorted() && codes.iter().all(|code| code.len() == 3));
    }

    #[test]
    fn issuer_codes_are_recognised() {
        for code in ["D", "DEU", "RKS", "GBD", "UNO", "XOM", "USA", "TWN"] {
            assert!(is_issuer(code), "{code}");
        }
        for code in ["", "U", "UTO", "XXA", "XXX", "ZZZ", "D ", "GER"] {
            assert!(!is_issuer(code), "{code}");
        }
        assert!(is_nationality("XXA") && is_nationality("UTO") && !is_nationality("ZZZ"));
    }
}

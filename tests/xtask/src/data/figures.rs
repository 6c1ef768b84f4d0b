//! What the article published, as figures: per country the sum (in cents) and the number of orders of the seed sales and of the
//! incremental sales, and the region the country is listed under. The rows themselves are made up (see `sales`).

use Region::{Africa, ArabStates, AsiaPacific, Europe, LatinAmerica, MiddleEast, NorthAmerica, Unassigned};

/// Where a country is listed in the regions file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Region {
    /// Asia & Pacific.
    AsiaPacific,
    /// Europe.
    Europe,
    /// Latin America.
    LatinAmerica,
    /// Africa.
    Africa,
    /// North America.
    NorthAmerica,
    /// Middle East.
    MiddleEast,
    /// Arab States.
    ArabStates,
    /// Not listed under the spelling the sales use: the left join of jobs 8 and 9 finds nothing.
    Unassigned,
}

impl Region {
    /// The name as the regions file and the published tables spell it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            AsiaPacific => "Asia & Pacific",
            Europe => "Europe",
            LatinAmerica => "Latin America",
            Africa => "Africa",
            NorthAmerica => "North America",
            MiddleEast => "Middle East",
            ArabStates => "Arab States",
            Unassigned => "Unassigned",
        }
    }
}

/// (sum in cents, orders).
pub type Figure = (u32, u32);

/// (country, region, seed figure, incremental figure, cities as `city/district;...`).
pub type Country = (&'static str, Region, Figure, Figure, &'static str);

/// Lines of the regions file that no sale matches: the same place under another spelling.
pub const OTHER_SPELLINGS: &[(&str, Region)] = &[
    ("Brunei Darussalam", AsiaPacific),
    ("Iran, Islamic Republic of", MiddleEast),
    ("Kazakhstan", AsiaPacific),
    ("Reunion", Africa),
    ("Serbia", Europe),
    ("Tanzania, United Republic of", Africa),
];

/// Every country with a sale, by name. 68 have seed sales, 105 have sales at all.
#[rustfmt::skip]
pub const COUNTRIES: &[Country] = &[
    ("Afghanistan", AsiaPacific, (0, 0), (599, 1), "Herat/Herat"),
    ("Algeria", ArabStates, (399, 1), (9788, 12), "Oran/Oran;Annaba/Annaba"),
    ("American Samoa", AsiaPacific, (0, 0), (1997, 3), "Pago Pago/Eastern"),
    ("Angola", Africa, (798, 2), (6592, 8), "Luanda/Luanda;Lobito/Benguela"),
    ("Anguilla", LatinAmerica, (399, 1), (2396, 4), "The Valley/"),
    ("Argentina", LatinAmerica, (4293, 7), (25564, 36), "Rosario/Santa Fe;Mendoza/Mendoza;Salta/Salta"),
    ("Austria", Europe, (499, 1), (6090, 10), "Graz/Steiermark;Villach/Kaernten"),
    ("Azerbaijan", AsiaPacific, (1798, 2), (3396, 4), "Ganja/Ganja;Sheki/Sheki"),
    ("Bahrain", ArabStates, (0, 0), (1798, 2), "Riffa/Southern"),
    ("Bangladesh", AsiaPacific, (0, 0), (5392, 8), "Khulna/Khulna;Sylhet/Sylhet"),
    ("Belarus", Europe, (0, 0), (3095, 5), "Brest/Brest;Gomel/Gomel"),
    ("Bolivia", LatinAmerica, (399, 1), (3194, 6), "Sucre/Chuquisaca;Oruro/Oruro"),
    ("Brazil", LatinAmerica, (9687, 13), (51625, 75), "Recife/Pernambuco;Manaus/Amazonas;Curitiba/Parana;Belem/Para"),
    ("Brunei", Unassigned, (899, 1), (799, 1), "Kuala Belait/Belait"),
    ("Bulgaria", Europe, (0, 0), (5992, 8), "Plovdiv/Plovdiv;Varna/Varna"),
    ("Cambodia", AsiaPacific, (0, 0), (5492, 8), "Battambang/Battambang;Kampot/Kampot"),
    ("Cameroon", Africa, (0, 0), (5093, 7), "Douala/Littoral;Garoua/North"),
    ("Canada", NorthAmerica, (1099, 1), (7089, 11), "Halifax/Nova Scotia;Regina/Saskatchewan;Kingston/Ontario"),
    ("Chad", Africa, (399, 1), (2896, 4), "Moundou/Logone Occidental"),
    ("Chile", LatinAmerica, (1199, 1), (7490, 10), "Valdivia/Los Rios;Arica/Arica"),
    ("China", AsiaPacific, (13380, 20), (124525, 175), "Xiamen/Fujian;Harbin/Heilongjiang;Kunming/Yunnan;Lanzhou/Gansu;Dalian/Liaoning"),
    ("Colombia", LatinAmerica, (1898, 2), (12580, 20), "Cali/Valle;Popayan/Cauca"),
    ("Congo, The Democratic Republic of the", Africa, (0, 0), (9088, 12), "Goma/North Kivu;Matadi/Kongo Central"),
    ("Czech Republic", Europe, (399, 1), (1099, 1), "Brno/South Moravia"),
    ("Dominican Republic", LatinAmerica, (599, 1), (2297, 3), "Puerto Plata/Puerto Plata"),
    ("Ecuador", LatinAmerica, (0, 0), (6391, 9), "Cuenca/Azuay;Ambato/Tungurahua"),
    ("Egypt", MiddleEast, (1298, 2), (12582, 18), "Luxor/Luxor;Tanta/Gharbia"),
    ("Estonia", Europe, (1199, 1), (1996, 4), "Narva/Ida-Viru"),
    ("Ethiopia", Africa, (0, 0), (1598, 2), "Gondar/Amhara"),
    ("Faroe Islands", Europe, (999, 1), (0, 0), "Klaksvik/Nordoyar"),
    ("Finland", Europe, (0, 0), (1498, 2), "Turku/Southwest Finland"),
    ("France", Europe, (2098, 2), (7589, 11), "Nantes/Loire-Atlantique;Dijon/Cote-d'Or"),
    ("French Guiana", LatinAmerica, (0, 0), (1198, 2), "Kourou/Guyane"),
    ("French Polynesia", AsiaPacific, (1498, 2), (5094, 6), "Uturoa/Raiatea"),
    ("Gambia", Africa, (0, 0), (3096, 4), "Brikama/West Coast"),
    ("Germany", Europe, (3996, 4), (15977, 23), "Leipzig/Sachsen;Bremen/Bremen;Kassel/Hessen"),
    ("Greece", Europe, (0, 0), (8888, 12), "Volos/Thessaly;Kavala/East Macedonia"),
    ("Greenland", Europe, (798, 2), (3495, 5), "Sisimiut/Qeqqata"),
    ("Holy See (Vatican City State)", Europe, (0, 0), (2896, 4), "Vatican City/"),
    ("Hong Kong", AsiaPacific, (0, 0), (799, 1), "Sha Tin/New Territories"),
    ("Hungary", Europe, (0, 0), (2497, 3), "Szeged/Csongrad"),
    ("India", AsiaPacific, (13880, 20), (119930, 170), "Kochi/Kerala;Nagpur/Maharashtra;Jaipur/Rajasthan;Madurai/Tamil Nadu;Patna/Bihar"),
    ("Indonesia", AsiaPacific, (3895, 5), (34251, 49), "Medan/North Sumatra;Malang/East Java;Manado/North Sulawesi"),
    ("Iran", Unassigned, (3395, 5), (12681, 19), "Shiraz/Fars;Tabriz/East Azerbaijan"),
    ("Israel", Europe, (799, 1), (8686, 14), "Haifa/Haifa;Eilat/Southern"),
    ("Italy", Europe, (3595, 5), (12084, 16), "Bari/Puglia;Parma/Emilia-Romagna"),
    ("Japan", AsiaPacific, (10086, 14), (73102, 98), "Sendai/Miyagi;Nagasaki/Nagasaki;Kanazawa/Ishikawa;Matsue/Shimane"),
    ("Kazakstan", Unassigned, (0, 0), (3694, 6), "Karaganda/Karaganda"),
    ("Kenya", Africa, (0, 0), (4893, 7), "Mombasa/Coast;Nakuru/Rift Valley"),
    ("Kuwait", MiddleEast, (0, 0), (4194, 6), "Salmiya/Hawalli"),
    ("Latvia", Europe, (1199, 1), (2197, 3), "Ventspils/Kurzeme"),
    ("Liechtenstein", Europe, (1299, 1), (799, 1), "Schaan/Schaan"),
    ("Lithuania", Europe, (0, 0), (1997, 3), "Kaunas/Kaunas"),
    ("Madagascar", Africa, (0, 0), (399, 1), "Toamasina/Atsinanana"),
    ("Malawi", Africa, (0, 0), (1098, 2), "Zomba/Southern"),
    ("Malaysia", AsiaPacific, (399, 1), (6092, 8), "Ipoh/Perak;Kuching/Sarawak"),
    ("Mexico", LatinAmerica, (10686, 14), (74894, 106), "Puebla/Puebla;Merida/Yucatan;Oaxaca/Oaxaca;Tijuana/Baja California"),
    ("Moldova", Europe, (0, 0), (599, 1), "Balti/Balti"),
    ("Morocco", ArabStates, (1798, 2), (4095, 5), "Agadir/Souss-Massa;Tangier/Tangier-Tetouan"),
    ("Mozambique", Africa, (2397, 3), (1998, 2), "Beira/Sofala"),
    ("Myanmar", AsiaPacific, (1198, 2), (6189, 11), "Mandalay/Mandalay;Bago/Bago"),
    ("Nauru", AsiaPacific, (0, 0), (1398, 2), "Yaren/Yaren"),
    ("Nepal", AsiaPacific, (799, 1), (2597, 3), "Pokhara/Gandaki"),
    ("Netherlands", Europe, (599, 1), (9688, 12), "Delft/Zuid-Holland;Zwolle/Overijssel"),
    ("New Zealand", AsiaPacific, (0, 0), (1598, 2), "Nelson/Nelson"),
    ("Nigeria", Africa, (5893, 7), (23568, 32), "Kano/Kano;Jos/Plateau;Calabar/Cross River"),
    ("North Korea", AsiaPacific, (0, 0), (1198, 2), "Wonsan/Kangwon"),
    ("Oman", MiddleEast, (599, 1), (5393, 7), "Sohar/North Batinah"),
    ("Pakistan", AsiaPacific, (2597, 3), (12681, 19), "Multan/Punjab;Quetta/Balochistan"),
    ("Paraguay", LatinAmerica, (399, 1), (3793, 7), "Encarnacion/Itapua"),
    ("Peru", LatinAmerica, (1998, 2), (9587, 13), "Trujillo/La Libertad;Ayacucho/Ayacucho"),
    ("Philippines", AsiaPacific, (5892, 8), (46935, 65), "Iloilo/Western Visayas;Baguio/Cordillera;Zamboanga/Zamboanga Peninsula"),
    ("Poland", Europe, (3097, 3), (15180, 20), "Gdynia/Pomorskie;Lublin/Lubelskie;Opole/Opolskie"),
    ("Puerto Rico", LatinAmerica, (499, 1), (3594, 6), "Mayaguez/Mayaguez"),
    ("Romania", Europe, (399, 1), (5193, 7), "Sibiu/Sibiu;Iasi/Iasi"),
    ("Runion", Unassigned, (0, 0), (2297, 3), "Saint-Pierre/Saint-Pierre"),
    ("Russian Federation", Europe, (9487, 13), (62908, 92), "Kazan/Tatarstan;Omsk/Omsk;Tula/Tula;Chita/Zabaykalsky"),
    ("Saint Vincent and the Grenadines", LatinAmerica, (0, 0), (3296, 4), "Georgetown/Charlotte"),
    ("Saudi Arabia", MiddleEast, (1997, 3), (12684, 16), "Taif/Makkah;Abha/Asir"),
    ("Senegal", Africa, (799, 1), (998, 2), "Thies/Thies"),
    ("Slovakia", Europe, (599, 1), (3095, 5), "Nitra/Nitra"),
    ("South Africa", Africa, (4694, 6), (23267, 33), "Durban/KwaZulu-Natal;Kimberley/Northern Cape;Polokwane/Limpopo"),
    ("South Korea", AsiaPacific, (3394, 6), (9087, 13), "Daegu/Daegu;Jeonju/North Jeolla"),
    ("Spain", Europe, (1497, 3), (15580, 20), "Vigo/Galicia;Cadiz/Andalusia"),
    ("Sri Lanka", AsiaPacific, (1598, 2), (599, 1), "Galle/Southern"),
    ("Sudan", ArabStates, (0, 0), (6590, 10), "Kassala/Kassala;Port Sudan/Red Sea"),
    ("Sweden", Europe, (0, 0), (1997, 3), "Lund/Skane"),
    ("Switzerland", Europe, (0, 0), (3695, 5), "Chur/Graubuenden"),
    ("Taiwan", AsiaPacific, (2596, 4), (19571, 29), "Tainan/Tainan;Hualien/Hualien"),
    ("Tanzania", Unassigned, (0, 0), (5591, 9), "Mwanza/Mwanza"),
    ("Thailand", AsiaPacific, (499, 1), (6790, 10), "Chiang Rai/Chiang Rai;Trang/Trang"),
    ("Tonga", AsiaPacific, (599, 1), (2796, 4), "Neiafu/Vavau"),
    ("Turkey", Europe, (1897, 3), (33155, 45), "Konya/Konya;Izmir/Izmir;Trabzon/Trabzon"),
    ("Turkmenistan", AsiaPacific, (0, 0), (3596, 4), "Mary/Mary"),
    ("Tuvalu", AsiaPacific, (0, 0), (5294, 6), "Funafuti/Funafuti"),
    ("Ukraine", Europe, (2396, 4), (13683, 17), "Odesa/Odesa;Lutsk/Volyn"),
    ("United Arab Emirates", MiddleEast, (699, 1), (6790, 10), "Fujairah/Fujairah;Ajman/Ajman"),
    ("United Kingdom", Europe, (1997, 3), (17678, 22), "Leeds/England;Dundee/Scotland;Newport/Wales"),
    ("United States", NorthAmerica, (9286, 14), (82283, 117), "Tucson/Arizona;Duluth/Minnesota;Boise/Idaho;Salem/Oregon;Macon/Georgia"),
    ("Venezuela", LatinAmerica, (2297, 3), (12282, 18), "Maracay/Aragua;Merida/Merida"),
    ("Vietnam", AsiaPacific, (2396, 4), (10586, 14), "Hue/Thua Thien;Can Tho/Can Tho"),
    ("Virgin Islands, U.S.", LatinAmerica, (0, 0), (399, 1), "Frederiksted/Saint Croix"),
    ("Yemen", MiddleEast, (599, 1), (7288, 12), "Aden/Aden;Taizz/Taizz"),
    ("Yugoslavia", Unassigned, (1298, 2), (4194, 6), "Novi Sad/Vojvodina"),
    ("Zambia", Africa, (799, 1), (2596, 4), "Ndola/Copperbelt"),
];

"""The script of the recording session (shared/data/main/script_a.txt) in two other languages, line for line."""

__all__ = ["FRENCH", "GERMAN"]

GERMAN = """\
Das Drucken, in dem einzigen Sinne, der uns hier beschäftigt, unterscheidet sich von den meisten, wenn nicht von allen Künsten und Handwerken der Ausstellung dadurch, dass es verhältnismäßig neu ist.
Denn obwohl die Chinesen schon Jahrhunderte vor den Holzschneidern der Niederlande Abdrücke von Holzstöcken nahmen, die im Relief geschnitten waren, brachten diese auf ähnliche Weise die Blockbücher hervor, die unmittelbaren Vorläufer des eigentlichen gedruckten Buches.
Die Erfindung beweglicher Lettern aus Metall um die Mitte des fünfzehnten Jahrhunderts darf mit Recht als die Erfindung der Buchdruckerkunst gelten.
Nebenbei sei erwähnt, dass das früheste mit beweglichen Lettern gedruckte Buch, die Gutenberg- oder 42-zeilige Bibel von etwa 1455, als Beispiel schöner Typografie niemals übertroffen worden ist.
Das Drucken also mag für unsere Zwecke als die Kunst gelten, mit beweglichen Lettern Bücher herzustellen.
Da nun alle Bücher, die nicht in erster Linie Bilderbücher sein sollen, hauptsächlich aus Lettern bestehen, die zu Zeilen gefügt sind, ist es von höchster Wichtigkeit, dass die Schrift von edler Form sei;
Zumal es nicht mehr Zeit braucht und nicht mehr kostet, schöne Buchstaben zu gießen, zu setzen oder zu drucken, als dieselbe Arbeit mit hässlichen zu tun.
Selbstverständlich sorgten die Handwerker des Mittelalters dafür, dass alles schön war, was sie schufen,
Die Formen der gedruckten Buchstaben sollen schön sein, und ihre Anordnung auf der Seite vernünftig und der Gestalt der Buchstaben selbst förderlich.
Das Mittelalter brachte die Schreibkunst zur Vollendung, und so war es natürlich, dass die Formen der gedruckten Buchstaben den geschriebenen mehr oder weniger genau folgten, und sie folgten ihnen sehr genau.
Die ersten Bücher wurden in gebrochener Schrift gedruckt, also in jener gotischen Weiterbildung der alten römischen Schrift, die sich bei den Kleinbuchstaben vollständiger und befriedigender entwickelt hat als bei den Großbuchstaben;
Das früheste mit beweglichen Lettern gedruckte Buch, die erwähnte Gutenberg-Bibel, ist in Buchstaben gedruckt, die eine genaue Nachahmung der feierlicheren Kirchenschrift jener Zeit sind; man hat sie seither Missaltype genannt.
Die erste Bibel jedoch, die ein Datum trägt und ebenfalls in Mainz von Peter Schöffer im Jahre 1462 gedruckt wurde, ahmt eine viel freiere Hand nach, einfacher, runder, weniger spitz und darum weit angenehmer und leichter zu lesen.
Im Ganzen darf die Type dieses Buches als das Äußerste gotischer Schrift gelten, und kein Drucker jenes Jahrhunderts hat je eine feinere geschnitten.
Im Jahre vierzehnhundertfünfundsechzig begannen Sweynheim und Pannartz im Kloster Subiaco bei Rom zu drucken und gebrauchten eine überaus schöne Type, die in der Tat wie ein Übergang zwischen gotischer und römischer Schrift aussieht,
Doch obgleich im Ganzen, außer in Italien, die gotische Schrift am häufigsten gebraucht wurde, sahen sehr wenige Jahre die Geburt der römischen Schrift, nicht nur in Italien, sondern auch in Deutschland und Frankreich.
"""  # noqa: E501

FRENCH = """\
L'imprimerie, au seul sens qui nous occupe ici, diffère de la plupart, sinon de tous les arts et métiers représentés à l'Exposition, en ce qu'elle est relativement moderne.
Car si les Chinois tiraient des empreintes de blocs de bois gravés en relief bien des siècles avant les graveurs des Pays-Bas, ceux-ci produisirent par un procédé semblable les livres xylographiques, ancêtres immédiats du véritable livre imprimé.
L'invention des lettres mobiles en métal au milieu du quinzième siècle peut à bon droit passer pour l'invention de l'art d'imprimer.
Et il convient de signaler en passant que, comme exemple de belle typographie, le premier livre imprimé en caractères mobiles, la Bible de Gutenberg, ou « Bible à 42 lignes », d'environ 1455, n'a jamais été surpassé.
L'imprimerie peut donc être tenue, pour notre propos, pour l'art de faire des livres au moyen de caractères mobiles.
Or, comme tous les livres qui ne sont pas d'abord des livres d'images se composent surtout de caractères assemblés en texte, il est de première importance que la lettre employée soit de belle forme ;
D'autant qu'il ne faut ni plus de temps ni plus d'argent pour fondre, composer ou imprimer de belles lettres que pour faire les mêmes opérations avec de laides.
Naturellement, au Moyen Âge, quand les artisans veillaient à ce que tout ce qu'ils produisaient fût beau,
Les formes des lettres imprimées doivent être belles, et leur disposition sur la page doit être raisonnable et servir la grâce des lettres elles-mêmes.
Le Moyen Âge porta la calligraphie à la perfection, et il était donc naturel que les formes des lettres imprimées suivissent d'assez près celles de l'écriture, et elles les suivirent de très près.
Les premiers livres furent imprimés en lettre noire, c'est-à-dire dans cette lettre qui fut un développement gothique de l'ancien caractère romain, plus complet et plus heureux du côté des minuscules que des capitales ;
Le premier livre imprimé en caractères mobiles, ladite Bible de Gutenberg, l'est en lettres qui imitent exactement l'écriture ecclésiastique la plus solennelle de l'époque ; on l'a depuis appelée lettre de missel.
Mais la première Bible réellement datée, imprimée elle aussi à Mayence par Pierre Schoeffer en 1462, imite une main bien plus libre, plus simple, plus ronde, moins pointue, et par là beaucoup plus agréable et plus facile à lire.
Dans l'ensemble, le caractère de ce livre peut être tenu pour le sommet du gothique, et aucun imprimeur de ce siècle n'en a taillé de plus beau.
En quatorze cent soixante-cinq, Sweynheim et Pannartz commencèrent à imprimer au monastère de Subiaco, près de Rome, avec un caractère d'une grande beauté, qui semble en effet une transition entre le gothique et le romain,
Mais bien que dans l'ensemble, sauf en Italie, la lettre gothique fût la plus employée, très peu d'années virent naître le caractère romain, non seulement en Italie, mais en Allemagne et en France.
"""  # noqa: E501
